package io.skerry.agent.uplink;

import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Sends what is in the spool, most precious stream first, with few batches on their way at a time;
 * sends again what is not committed after a reconnect or a while.
 *
 * <p>A stream whose batch is not committed in time is tried with one batch at a time, until one is:
 * the control plane may leave one stream on the device for long, and the others must not wait for
 * it.
 *
 * <p>Thread-safe.
 */
final class RecordSender {
  /** Batches on their way, not yet committed. */
  static final int IN_FLIGHT_MAX = 8;

  /** A batch not committed after this long is sent again. */
  static final Duration RESEND_AFTER = Duration.ofSeconds(10);

  /** The wait doubles up to this while nothing is committed: nobody may be there to do so. */
  static final Duration RESEND_AFTER_MAX = Duration.ofMinutes(10);

  private static final List<RecordStream> PRECIOUS_FIRST =
      List.of(
          RecordStream.EVENTS, RecordStream.FEEDBACK, RecordStream.WINDOWS, RecordStream.SAMPLES);

  private final Spool spool;
  private final DeviceLink link;
  private final TenantId tenant;
  private final DeviceId device;
  private final Map<RecordStream, Map<Long, Long>> sentThrough = new EnumMap<>(RecordStream.class);
  private final List<InFlight> inFlight = new ArrayList<>();
  // Of the streams whose last batches came late: how long the next one may take.
  private final Map<RecordStream, Duration> stalled = new EnumMap<>(RecordStream.class);
  private long resent;

  private record InFlight(RecordStream stream, long epoch, long last, Instant sentAt) {}

  RecordSender(Spool spool, DeviceLink link, TenantId tenant, DeviceId device) {
    this.spool = spool;
    this.link = link;
    this.tenant = tenant;
    this.device = device;
    for (RecordStream stream : RecordStream.values()) {
      sentThrough.put(stream, new HashMap<>());
    }
  }

  /**
   * Sends what may be sent now.
   *
   * @throws LinkException if the link failed; what was not sent is sent by the next call
   */
  synchronized void pump(Instant now) throws LinkException {
    if (!inFlight.isEmpty()) {
      inFlight.stream()
          .filter(batch -> isLate(batch, now))
          .map(InFlight::stream)
          .distinct()
          .toList()
          .forEach(this::stall);
    }
    for (RecordStream stream : PRECIOUS_FIRST) {
      Map<Long, Long> sent = sentThrough.getOrDefault(stream, Map.of());
      while (inFlight.size() < IN_FLIGHT_MAX && !(stalled.containsKey(stream) && isSent(stream))) {
        Optional<SpoolBatch> next = spool.next(stream, sent);
        if (next.isEmpty()) {
          break;
        }
        SpoolBatch batch = next.get();
        link.publish(Topics.records(tenant, device, stream), batch.message().toByteArray());
        sent.put(batch.epoch(), batch.last());
        inFlight.add(new InFlight(stream, batch.epoch(), batch.last(), now));
      }
    }
  }

  private boolean isSent(RecordStream stream) {
    return inFlight.stream().anyMatch(batch -> batch.stream() == stream);
  }

  private void stall(RecordStream stream) {
    Duration doubled = patience(stream).multipliedBy(2);
    stalled.put(stream, doubled.compareTo(RESEND_AFTER_MAX) < 0 ? doubled : RESEND_AFTER_MAX);
    resend(stream);
  }

  private Duration patience(RecordStream stream) {
    return stalled.getOrDefault(stream, RESEND_AFTER);
  }

  // A clock that was put back must not make a batch wait for what it called tomorrow.
  private boolean isLate(InFlight batch, Instant now) {
    return !batch.sentAt().plus(patience(batch.stream())).isAfter(now)
        || now.isBefore(batch.sentAt());
  }

  /** Frees what is committed and makes room for further batches. */
  synchronized void committed(CommittedRange range) {
    stalled.remove(range.stream());
    spool.committed(range);
    inFlight.removeIf(
        batch ->
            batch.stream() == range.stream()
                && batch.epoch() == range.bootEpoch()
                && batch.last() <= range.through());
  }

  /** Takes everything that is not committed as not sent. */
  synchronized void resend() {
    for (RecordStream stream : PRECIOUS_FIRST) {
      resend(stream);
    }
  }

  private void resend(RecordStream stream) {
    int before = inFlight.size();
    inFlight.removeIf(batch -> batch.stream() == stream);
    resent += before - inFlight.size();
    sentThrough
        .getOrDefault(stream, Map.of())
        .replaceAll((epoch, sent) -> spool.committed(stream, epoch));
  }

  /** Batches that had to be sent again. */
  synchronized long resent() {
    return resent;
  }
}
