package io.skerry.agent.uplink;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Full jitter: the n-th wait is uniform between 0 and {@code min(longest, base * 2^n)}. A
 * connection counts as good only after a stable while: a broker that accepts and then throws out
 * must not be asked again without a wait.
 */
public final class Backoff {
  private static final int DOUBLINGS_MAX = 16;

  private final LinkConfig.Timing timing;
  private final RandomGenerator random;
  private int attempts;

  /** Starts with the shortest waits. */
  public Backoff(LinkConfig.Timing timing, RandomGenerator random) {
    this.timing = timing;
    this.random = random;
  }

  /** The wait before the next attempt. */
  public Duration next() {
    long ceiling =
        Math.min(
            timing.reconnectMax().toMillis(),
            timing.reconnectBase().toMillis() << Math.min(attempts, DOUBLINGS_MAX));
    attempts++;
    return Duration.ofMillis(random.nextLong(ceiling + 1));
  }

  /** The wait when the broker says that it has too much to do: half of the longest or more. */
  public Duration afterCrowd() {
    attempts++;
    return upperHalf(timing.reconnectMax());
  }

  /** The wait after another client took over the session. */
  public Duration afterTakeover() {
    return upperHalf(timing.takenOverWait());
  }

  private Duration upperHalf(Duration longest) {
    long half = longest.toMillis() / 2;
    return Duration.ofMillis(half + random.nextLong(longest.toMillis() - half + 1));
  }

  /** A connection ended that had stood for this long. */
  public void ended(Duration stood) {
    if (stood.compareTo(timing.stableAfter()) >= 0) {
      attempts = 0;
    }
  }
}
