package io.skerry.agent.update;

import java.time.Duration;

/**
 * Limits of an update.
 *
 * @param attemptsMax downloads of one order in a row that bring nothing
 * @param backoffBase the first wait between two is shorter than this
 * @param backoffMax no wait of our own is longer
 * @param retryAfterMax no wait that a server asks for is longer
 * @param startsMax times that an order may be loaded without proving itself, or a proven version
 *     without being loaded to the end: the process may have died of it
 * @param restoresMax attempts to bring a proven version back from disk
 * @param repairMax no wait between two attempts to fetch a lost proven version is longer
 * @param timers for steps that hang
 * @param reachGrace how long a version on probation may go without the control plane
 * @param jitterSeed spreads the waits of a fleet
 */
record UpdatePolicy(
    int attemptsMax,
    Duration backoffBase,
    Duration backoffMax,
    Duration retryAfterMax,
    int startsMax,
    int restoresMax,
    Duration repairMax,
    Timers timers,
    Duration reachGrace,
    long jitterSeed) {

  /**
   * How long a step may take before it is cancelled and counts as failed.
   *
   * @param download one attempt; slow ones end earlier, by what they bring in a minute
   * @param inProgress an order from its begin until it answers, all attempts and waits together
   */
  record Timers(
      Duration download,
      Duration verify,
      Duration compile,
      Duration activate,
      Duration inProgress) {
    static final Timers DEFAULTS =
        new Timers(
            Duration.ofHours(6),
            Duration.ofMinutes(10),
            Duration.ofMinutes(10),
            Duration.ofMinutes(1),
            Duration.ofHours(24));
  }

  static UpdatePolicy seeded(long jitterSeed) {
    return new UpdatePolicy(
        5,
        Duration.ofSeconds(1),
        Duration.ofSeconds(60),
        Duration.ofMinutes(10),
        3,
        3,
        Duration.ofHours(1),
        Timers.DEFAULTS,
        Duration.ofMinutes(10),
        jitterSeed);
  }

  /**
   * How many of a slot's proven versions, newest first, must be taken for what stops the agent.
   *
   * @param loads starts of the agent in a row, this one included, that began to load them
   */
  int killers(int loads) {
    return loads > 2 * startsMax ? 2 : loads > startsMax ? 1 : 0;
  }

  /** Full jitter, but the same for the same order and attempt: replays stay exact. */
  Duration pause(long revision, int attempt) {
    return jittered(revision, attempt, backoffMax);
  }

  /** The wait before a lost proven version is fetched once more. */
  Duration repairPause(long revision, int attempt) {
    return jittered(revision, attempt, repairMax);
  }

  private Duration jittered(long revision, int attempt, Duration max) {
    long ceiling = Math.min(max.toMillis(), backoffBase.toMillis() << Math.min(attempt - 1, 16));
    long hash = (jitterSeed * 31 + revision) * 31 + attempt;
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return Duration.ofMillis(Math.floorMod(hash ^ (hash >>> 33), ceiling + 1));
  }
}
