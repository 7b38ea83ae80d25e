package io.skerry.control.drift;

import java.time.Duration;

/**
 * When a track that failed is tried again: every attempt replays its windows on the thread that
 * judges all tracks.
 *
 * @param notBefore a reading of {@link System#nanoTime}
 * @param pause that was waited for it; doubles with every failure, from 2 seconds to 4 minutes
 */
record Retry(long notBefore, Duration pause) {
  private static final Duration PAUSE_FIRST = Duration.ofSeconds(2);
  private static final Duration PAUSE_MAX = Duration.ofMinutes(4);

  static Retry first(long now) {
    return after(PAUSE_FIRST, now);
  }

  /** After one more failure. */
  Retry next(long now) {
    Duration doubled = pause.multipliedBy(2);
    return after(doubled.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : doubled, now);
  }

  private static Retry after(Duration pause, long now) {
    return new Retry(now + pause.toNanos(), pause);
  }

  boolean isWaiting(long now) {
    return notBefore - now > 0;
  }
}
