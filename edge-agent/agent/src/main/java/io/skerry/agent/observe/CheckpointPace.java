package io.skerry.agent.observe;

/**
 * When open windows are written down again: within a second while they change, and less often when
 * they are large. Flash wears by the pages that are written, so these are bounded, not the times.
 */
final class CheckpointPace {
  /** Between two checkpoints, at least: with the time to the next tick, a second. */
  static final long EVERY_MILLIS = 900;

  /**
   * Written in an hour at most: 1.5 GiB a day, of which a card of 8 GB that bears 1,000 rewrites,
   * writing four bytes for one, has had enough after 3.5 years without a pause. Checkpoints of up
   * to four pages keep the second; {@link OpenWindows#BYTES_MAX} is written every 14 seconds.
   */
  static final long BYTES_PER_HOUR = 64L << 20;

  /** What a disk writes at least. */
  static final int PAGE_BYTES = 4096;

  // What the file has besides.
  private static final int HEAD_BYTES = 64;
  private static final long HOUR_MILLIS = 3_600_000;

  private CheckpointPace() {}

  /**
   * How long to wait after a checkpoint.
   *
   * @param bytes that it had
   */
  static long waitMillis(int bytes) {
    long pages = Math.ceilDiv(bytes + HEAD_BYTES, PAGE_BYTES);
    return Math.max(EVERY_MILLIS, Math.ceilDiv(pages * PAGE_BYTES * HOUR_MILLIS, BYTES_PER_HOUR));
  }

  /** Whether the next one is due; at once when the clock was put back. */
  static boolean isDue(long nowMillis, long lastMillis, int lastBytes) {
    return nowMillis < lastMillis || nowMillis - lastMillis >= waitMillis(lastBytes);
  }
}
