package io.skerry.agent.update;

import java.time.Duration;

/**
 * Limits of an update.
 *
 * @param attemptsMax downloads of one order
 * @param backoffBase the first wait between two is shorter than this
 * @param backoffMax no wait is longer
 * @param startsMax times that an order may be loaded without proving itself: the process may have
 *     died of it
 * @param restoresMax attempts to bring a proven version back
 * @param jitterSeed spreads the waits of a fleet
 */
record UpdatePolicy(
    int attemptsMax,
    Duration backoffBase,
    Duration backoffMax,
    int startsMax,
    int restoresMax,
    long jitterSeed) {
  static UpdatePolicy seeded(long jitterSeed) {
    return new UpdatePolicy(5, Duration.ofSeconds(1), Duration.ofSeconds(60), 3, 3, jitterSeed);
  }

  /** Full jitter, but the same for the same order and attempt: replays stay exact. */
  Duration pause(long revision, int attempt) {
    long ceiling =
        Math.min(backoffMax.toMillis(), backoffBase.toMillis() << Math.min(attempt - 1, 16));
    long hash = (jitterSeed * 31 + revision) * 31 + attempt;
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return Duration.ofMillis(Math.floorMod(hash ^ (hash >>> 33), ceiling + 1));
  }
}
