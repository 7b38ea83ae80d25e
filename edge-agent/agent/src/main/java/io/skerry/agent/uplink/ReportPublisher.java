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
  private final DeviceLink link;
  private final String topic;
  private final Supplier<ReportCadence> cadences;
  private final LongFunction<ReportedDocument> source;
  private Optional<ReportedDocument> published = Optional.empty();
  private boolean asked;
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

  /** The next call publishes: the order came again, so nobody knows what became of it. */
  void asked() {
    asked = true;
  }

  void publish(Instant now) throws LinkException {
    ReportedDocument current = source.apply(sequence + 1);
    if (isDue(current, now)) {
      // A number that was given away is never used again, even if the broker did not answer.
      sequence++;
      link.publish(topic, ProtocolCodec.encode(current));
      published = Optional.of(current);
      asked = false;
    }
  }

  private boolean isDue(ReportedDocument current, Instant now) {
    if (published.isEmpty()) {
      return true;
    }
    ReportedDocument before = published.get();
    if (asked || !isSameButCounters(current, before)) {
      return true;
    }
    Duration age = Duration.between(before.at(), now);
    if (age.isNegative()) {
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
