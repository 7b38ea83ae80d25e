package io.skerry.agent.uplink;

import io.skerry.telemetry.wire.TelemetryRecords;
import java.time.Duration;
import java.time.Instant;

/**
 * The bytes that may be sent again: an eighth of a day's. They fall due evenly over the day, and
 * what was not used is kept for a day, so that a line that fails now and then waits for nothing.
 *
 * <p>Not thread-safe.
 */
final class ResendAllowance {
  /** One part in so many of a day's bytes. */
  static final int SHARE = 8;

  private static final int BATCHES = 4;
  private static final double DAY_MILLIS = Duration.ofDays(1).toMillis();

  private boolean isUsed;
  private double left;
  private Instant at = Instant.EPOCH;

  /**
   * Whether anything may be sent again; what then goes out may be more than what is left, and is
   * waited for afterwards.
   *
   * @param bytesPerDay 0 = no limit
   */
  boolean isOpen(long bytesPerDay, Instant now) {
    if (bytesPerDay <= 0) {
      isUsed = false;
      return true;
    }
    double most = (double) bytesPerDay / SHARE;
    if (!isUsed) {
      left = most;
    } else if (now.isAfter(at)) {
      left = Math.min(most, left + most * Duration.between(at, now).toMillis() / DAY_MILLIS);
    }
    // Also when the clock was put back: what a wrong clock called tomorrow falls due from now on.
    isUsed = true;
    at = now;
    return left > 0;
  }

  /** So many bytes were sent again. */
  void take(int bytes) {
    left -= bytes;
  }

  /** How large a batch may be that is sent again: some of them have room in a day. */
  static int batchBytesMax(long bytesPerDay) {
    return bytesPerDay <= 0
        ? TelemetryRecords.BATCH_BYTES_MAX
        : Math.clamp(bytesPerDay / SHARE / BATCHES, 1, TelemetryRecords.BATCH_BYTES_MAX);
  }
}
