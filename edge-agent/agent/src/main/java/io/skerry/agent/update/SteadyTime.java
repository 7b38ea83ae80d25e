package io.skerry.agent.update;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * Time that neither jumps nor goes back, whatever is done to the clock: between two looks at it
 * never more than {@link #STEP_MAX} goes by. It starts with the process, so that it fits no
 * calendar. Not thread-safe.
 */
final class SteadyTime {
  static final Duration STEP_MAX = Duration.ofMinutes(1);

  private final InstantSource clock;
  private Instant looked;
  private Instant now = Instant.EPOCH;

  SteadyTime(InstantSource clock) {
    this.clock = clock;
    this.looked = clock.instant();
  }

  Instant now() {
    Instant wall = clock.instant();
    Duration passed = Duration.between(looked, wall);
    looked = wall;
    if (!passed.isNegative()) {
      now = now.plus(passed.compareTo(STEP_MAX) < 0 ? passed : STEP_MAX);
    }
    return now;
  }
}
