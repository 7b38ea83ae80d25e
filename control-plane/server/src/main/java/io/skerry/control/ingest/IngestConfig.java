package io.skerry.control.ingest;

import java.time.Duration;

/**
 * How records are stored.
 *
 * @param batchMessages messages stored in one transaction, 1 to 2,000
 * @param batchEvery the longest that a message waits for others, 1 ms to 10 s
 * @param lakeRows samples that are moved to the lake as soon as there are so many, from 1
 * @param lakeEvery the longest that a sample waits for that, from 1 s
 * @param windowsWait how long after its end a window waits for devices that were away, until drift
 *     is judged by what came; at most 7 days, shorter than windows are kept, and at least a quarter
 *     of the window
 * @param judgedWindow what drift is judged by at least: shorter windows count together, in whole
 *     spans of this length. 0 judges each by itself; a day is a whole number of spans, each at
 *     least a second. From 15 min to 6 h the day's course is known
 * @param retention how long it is all kept
 */
public record IngestConfig(
    int batchMessages,
    Duration batchEvery,
    int lakeRows,
    Duration lakeEvery,
    Duration windowsWait,
    Duration judgedWindow,
    RetentionConfig retention) {
  private static final Duration WINDOWS_WAIT_MAX = Duration.ofDays(7);

  private static final Duration JUDGED_MIN = Duration.ofSeconds(1);

  public static final IngestConfig DEFAULTS =
      new IngestConfig(
          500,
          Duration.ofMillis(100),
          5000,
          Duration.ofSeconds(30),
          Duration.ZERO,
          Duration.ofMinutes(15),
          RetentionConfig.DEFAULTS);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a value is outside its range
   */
  public IngestConfig {
    if (batchMessages < 1 || batchMessages > 2000) {
      throw new IllegalArgumentException(
          "batch-messages is %d: must be 1 to 2000".formatted(batchMessages));
    }
    if (batchEvery.toMillis() < 1 || batchEvery.toMillis() > 10_000) {
      throw new IllegalArgumentException(
          "batch-every is %d ms: must be 1 ms to 10 s".formatted(batchEvery.toMillis()));
    }
    if (lakeRows < 1 || lakeEvery.toMillis() < 1000) {
      throw new IllegalArgumentException("lake-rows must be from 1, lake-every from 1 s");
    }
    if (windowsWait.isNegative() || windowsWait.compareTo(WINDOWS_WAIT_MAX) > 0) {
      throw new IllegalArgumentException(
          "windows-wait is %d s: must be 0 to 7 days".formatted(windowsWait.toSeconds()));
    }
    boolean judgesEach = judgedWindow.isZero();
    if (!judgesEach
        && (judgedWindow.compareTo(JUDGED_MIN) < 0
            || Duration.ofDays(1).toMillis() % judgedWindow.toMillis() != 0)) {
      throw new IllegalArgumentException(
          "judged-window is %d ms: must be 0, or 1 s to 1 day and a whole part of a day"
              .formatted(judgedWindow.toMillis()));
    }
    if (windowsWait.compareTo(retention.windows()) >= 0) {
      throw new IllegalArgumentException(
          "retention.windows is %d h: must be longer than windows-wait, which is %d h, or windows are gone before they are judged"
              .formatted(retention.windows().toHours(), windowsWait.toHours()));
    }
  }

  /** The same, but each window is judged by itself, however short. */
  public IngestConfig judgingEachWindow() {
    return new IngestConfig(
        batchMessages, batchEvery, lakeRows, lakeEvery, windowsWait, Duration.ZERO, retention);
  }

  /** The length of the windows that drift is judged by where devices tell windows of a length. */
  long judgedMillis(long windowMillis) {
    return Math.max(windowMillis, judgedWindow.toMillis());
  }
}
