package io.skerry.agent.uplink;

import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotReport;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/**
 * Publishes the newest reported document and never an older one: at once when something changed,
 * soon when only counters did, and now and then in any case. Not thread-safe.
 */
final class ReportPublisher {
  private static final Duration ASKED_PAUSE = Duration.ofSeconds(30);
  private static final Duration ASKED_PAUSE_MAX = Duration.ofHours(1);

  private final DeviceLink link;
  private final String topic;
  private final Supplier<ReportCadence> cadences;
  private final LongFunction<ReportedDocument> source;
  private Optional<ReportedDocument> published = Optional.empty();
  private boolean asked;
  // An order that this device refuses comes again and again: each answer waits twice as long.
  private Duration askedPause = Duration.ZERO;
  private long sequence;

  ReportPublisher(
      DeviceLink link,
      String topic,
      Supplier<ReportCadence> cadences,
      LongFunction<ReportedDocument> source) {
    this.link = link;
    this.topic = topic;
    this.cadences = cadences;
    this.source = source;
  }

  /** The next call publishes, whatever was published before. */
  void again() {
    published = Optional.empty();
  }

  /**
   * Soon a call publishes: the order came again, so nobody knows what became of it. At once the
   * first time, and later each time as long as nothing changes.
   */
  void asked() {
    asked = true;
  }

  void publish(Instant now) throws LinkException {
    ReportedDocument current = source.apply(sequence + 1);
    if (isDue(current, now)) {
      // A number that was given away is never used again, even if the broker did not answer.
      sequence++;
      link.publish(topic, ProtocolCodec.encode(current));
      boolean changed = published.filter(before -> isSameButCounters(current, before)).isEmpty();
      askedPause = changed ? Duration.ZERO : asked ? afterAsked() : askedPause;
      published = Optional.of(current);
      asked = false;
    }
  }

  private Duration afterAsked() {
    Duration doubled = askedPause.isZero() ? ASKED_PAUSE : askedPause.multipliedBy(2);
    return doubled.compareTo(ASKED_PAUSE_MAX) < 0 ? doubled : ASKED_PAUSE_MAX;
  }

  private boolean isDue(ReportedDocument current, Instant now) {
    if (published.isEmpty()) {
      return true;
    }
    ReportedDocument before = published.get();
    if (!isSameButCounters(current, before)) {
      return true;
    }
    Duration age = Duration.between(before.at(), now);
    if (age.isNegative() || (asked && age.compareTo(askedPause) >= 0)) {
      return true;
    }
    boolean counted =
        !current.slots().equals(before.slots())
            || !current.dropped().equals(before.dropped())
            || !current.health().damaged().equals(before.health().damaged());
    ReportCadence cadence = cadences.get();
    return age.compareTo(counted ? cadence.counters() : cadence.heartbeat()) >= 0;
  }

  private static boolean isSameButCounters(ReportedDocument one, ReportedDocument other) {
    DeviceHealth health = one.health();
    DeviceHealth before = other.health();
    return one.observed().equals(other.observed())
        && one.applied().equals(other.applied())
        && areSameButCounters(one.slots(), other.slots())
        && one.facts().equals(other.facts())
        && health.rootVersion() == before.rootVersion()
        && health.snapshotVersion() == before.snapshotVersion()
        && health.certificateExpires().equals(before.certificateExpires())
        && health.takenOver() == before.takenOver();
  }

  private static boolean areSameButCounters(List<SlotReport> some, List<SlotReport> others) {
    if (some.size() != others.size()) {
      return false;
    }
    for (int i = 0; i < some.size(); i++) {
      SlotReport one = some.get(i);
      SlotReport other = others.get(i);
      if (!one.slot().equals(other.slot())
          || one.revision() != other.revision()
          || !one.phase().equals(other.phase())
          || !one.rollout().equals(other.rollout())
          || !one.target().equals(other.target())
          || !one.running().equals(other.running())
          || !one.error().equals(other.error())) {
        return false;
      }
    }
    return true;
  }
}
