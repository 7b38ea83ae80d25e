package io.skerry.agent.uplink;

import java.time.Duration;
import java.time.Instant;
import java.util.random.RandomGenerator;

/**
 * Full jitter: the n-th wait is uniform between 0 and {@code min(longest, base * 2^n)}. A
 * connection counts as good only after a stable while: a broker that accepts and then throws out
 * must not be asked again without a wait.
 */
final class Backoff {
  /** A connection this long starts the waits from the beginning. */
  static final Duration STABLE = Duration.ofMinutes(1);

  private static final int DOUBLINGS_MAX = 16;

  private final Duration base;
  private final Duration longest;
  private final RandomGenerator random;
  private int attempts;

  Backoff(Duration base, Duration longest, RandomGenerator random) {
    this.base = base;
    this.longest = longest;
    this.random = random;
  }

  /** The wait before the next attempt. */
  Duration next() {
    long ceiling =
        Math.min(longest.toMillis(), base.toMillis() << Math.min(attempts, DOUBLINGS_MAX));
    attempts++;
    return Duration.ofMillis(random.nextLong(ceiling + 1));
  }

  /** A connection ended that had stood since an instant. */
  void ended(Instant since, Instant now) {
    if (Duration.between(since, now).compareTo(STABLE) >= 0) {
      attempts = 0;
    }
  }
}
