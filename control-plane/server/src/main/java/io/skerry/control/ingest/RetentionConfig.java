package io.skerry.control.ingest;

import java.time.Duration;

/**
 * How long what devices sent is kept, each from 1 day to 20 years; what is older is removed within
 * an hour. A verdict can be recomputed as long as its windows are kept.
 *
 * @param windows counters, from which drift is judged and judged again
 * @param samples inputs with their predictions
 * @param feedback actual outcomes
 * @param events what devices told
 * @param quarantine what could not be read
 */
public record RetentionConfig(
    Duration windows, Duration samples, Duration feedback, Duration events, Duration quarantine) {
  private static final Duration MIN = Duration.ofDays(1);
  private static final Duration MAX = Duration.ofDays(20 * 365);

  public static final RetentionConfig DEFAULTS =
      new RetentionConfig(
          Duration.ofDays(90),
          Duration.ofDays(180),
          Duration.ofDays(400),
          Duration.ofDays(90),
          Duration.ofDays(30));

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside
   */
  public RetentionConfig {
    check("windows", windows);
    check("samples", samples);
    check("feedback", feedback);
    check("events", events);
    check("quarantine", quarantine);
  }

  private static void check(String key, Duration kept) {
    if (kept.compareTo(MIN) < 0 || kept.compareTo(MAX) > 0) {
      throw new IllegalArgumentException(
          "%s is %d h: must be 1 day to 20 years".formatted(key, kept.toHours()));
    }
  }
}
