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
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * Sends what is in the spool, most precious stream first, with few batches on their way at a time;
 * sends again what is not committed after a reconnect or a while.
 *
 * <p>A stream whose batch is not committed in time is tried with one batch at a time, until one is:
 * the control plane may leave one stream on the device for long, and the others must not wait for
 * it.
 *
 * <p>Where a stream's bytes of a day have a limit, what is sent again has a share of them, see
 * {@link ResendAllowance}, and goes out in small batches; once one is committed somebody is there,
 * and the rest waits for nothing.
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
  // By stream and epoch, the highest sequence that was ever sent.
  private final Map<RecordStream, Map<Long, Long>> ever = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, ResendAllowance> allowances = new EnumMap<>(RecordStream.class);
  private final ToLongFunction<RecordStream> bytesPerDay;
  // Of which nothing was committed since they began to be sent again.
  private final Set<RecordStream> unproven = EnumSet.noneOf(RecordStream.class);
  private long resent;

  private record InFlight(RecordStream stream, long epoch, long last, Instant sentAt) {}

  /**
   * Makes a sender.
   *
   * @param bytesPerDay of a stream, asked for again and again; 0 = no limit
   */
  RecordSender(
      Spool spool,
      DeviceLink link,
      TenantId tenant,
      DeviceId device,
      ToLongFunction<RecordStream> bytesPerDay) {
    this.bytesPerDay = bytesPerDay;
    this.spool = spool;
    this.link = link;
    this.tenant = tenant;
    this.device = device;
    for (RecordStream stream : RecordStream.values()) {
      sentThrough.put(stream, new HashMap<>());
      ever.put(stream, new HashMap<>());
      allowances.put(stream, new ResendAllowance());
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
      while (inFlight.size() < IN_FLIGHT_MAX && sendNext(stream, now)) {
        // As long as there is room.
      }
    }
  }

  private boolean sendNext(RecordStream stream, Instant now) throws LinkException {
    Map<Long, Long> sent = sentThrough.getOrDefault(stream, Map.of());
    boolean again = unproven.contains(stream) && isAgain(stream, sent);
    long perDay = again ? bytesPerDay.applyAsLong(stream) : 0;
    if ((stalled.containsKey(stream) || perDay > 0) && isSent(stream)) {
      return false;
    }
    ResendAllowance allowance = allowances.getOrDefault(stream, new ResendAllowance());
    if (again && !allowance.isOpen(perDay, now)) {
      return false;
    }
    Optional<SpoolBatch> next = spool.next(stream, sent, ResendAllowance.batchBytesMax(perDay));
    if (next.isEmpty()) {
      return false;
    }
    SpoolBatch batch = next.get();
    byte[] payload = batch.message().toByteArray();
    link.publish(Topics.records(tenant, device, stream), payload);
    if (again) {
      allowance.take(payload.length);
    }
    sent.put(batch.epoch(), batch.last());
    ever.getOrDefault(stream, Map.of()).merge(batch.epoch(), batch.last(), Math::max);
    inFlight.add(new InFlight(stream, batch.epoch(), batch.last(), now));
    return true;
  }

  private boolean isAgain(RecordStream stream, Map<Long, Long> sent) {
    for (Map.Entry<Long, Long> one : ever.getOrDefault(stream, Map.of()).entrySet()) {
      long epoch = one.getKey();
      if (one.getValue() > Math.max(sent.getOrDefault(epoch, 0L), spool.committed(stream, epoch))) {
        return true;
      }
    }
    return false;
  }

  private boolean isSent(RecordStream stream) {
    for (InFlight batch : inFlight) {
      if (batch.stream() == stream) {
        return true;
      }
    }
    return false;
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
    unproven.remove(range.stream());
    spool.committed(range);
    // The spool forgets how far an epoch is committed once it holds nothing of it.
    ever.getOrDefault(range.stream(), Map.of())
        .computeIfPresent(
            range.bootEpoch(), (epoch, last) -> last <= range.through() ? null : last);
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
    unproven.add(stream);
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
