package io.skerry.telemetry.sketch;

import java.time.Duration;

/**
 * What keeps a line known to be up on which nothing happens: pings, and reports without news. Both
 * come the more seldom the fewer bytes a device has in a day: each takes a thirty-second of them,
 * but where the longest interval takes more.
 *
 * @param keepAlive between two pings, whole seconds; a broker tells that a device is gone after one
 *     and a half of it at the latest
 * @param report between two reports without news
 */
public record LineUpkeep(Duration keepAlive, Duration report) {
  /** A ping and its answer, each two bytes in a TLS record of its own. */
  public static final int PING_BYTES = 2 * (2 + 22);

  /** A report, its acknowledgement, and what travels with them. */
  public static final int REPORT_BYTES = 1200;

  /** The shortest interval, and that of a device without a limit. */
  public static final Duration SHORTEST = Duration.ofSeconds(30);

  /** Networks that forget a quiet line after less are many, brokers that allow more are few. */
  public static final Duration KEEP_ALIVE_LONGEST = Duration.ofMinutes(30);

  public static final Duration REPORT_LONGEST = Duration.ofDays(1);

  /** Where bytes do not matter. */
  public static final LineUpkeep UNLIMITED = new LineUpkeep(SHORTEST, SHORTEST);

  private static final int SHARE = 32;
  private static final int SHARE_MAX = 3;
  private static final long DAY_SECONDS = 86_400;

  /**
   * The upkeep of a device with so many bytes a day.
   *
   * @param bytesPerDay 0 = no limit
   */
  public static LineUpkeep of(long bytesPerDay) {
    return bytesPerDay <= 0
        ? UNLIMITED
        : new LineUpkeep(
            every(PING_BYTES, bytesPerDay, KEEP_ALIVE_LONGEST),
            every(REPORT_BYTES, bytesPerDay, REPORT_LONGEST));
  }

  private static Duration every(int bytes, long bytesPerDay, Duration longest) {
    long seconds = Math.ceilDiv(DAY_SECONDS * SHARE * bytes, bytesPerDay);
    return Duration.ofSeconds(Math.clamp(seconds, SHORTEST.toSeconds(), longest.toSeconds()));
  }

  /** Bytes that it takes of a day on a line that stands. */
  public long bytesPerDay() {
    return DAY_SECONDS * PING_BYTES / keepAlive.toSeconds()
        + DAY_SECONDS * REPORT_BYTES / report.toSeconds();
  }

  /** Bytes of so many a day that are kept free for it: what it takes, at most a third. */
  static long keptFree(long bytesPerDay) {
    return bytesPerDay <= 0 ? 0 : Math.min(of(bytesPerDay).bytesPerDay(), bytesPerDay / SHARE_MAX);
  }
}
