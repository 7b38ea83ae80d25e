package io.skerry.fleet.rollout;

import java.time.Duration;
import java.util.List;

/**
 * How a rollout proceeds.
 *
 * @param percents cumulative share of the eligible devices per stage, rising, the last 100
 * @param soak how long a stage is watched after its last device came to an end
 * @param deadlines what ends waiting
 */
public record RolloutPlan(List<Integer> percents, Duration soak, Deadlines deadlines) {
  /** Stages a rollout can have. */
  public static final int STAGES_MAX = 32;

  /**
   * Checks the stages.
   *
   * @throws IllegalArgumentException naming the field that is wrong
   */
  public RolloutPlan {
    percents = List.copyOf(percents);
    if (percents.isEmpty() || percents.size() > STAGES_MAX) {
      throw new IllegalArgumentException(
          "stages: %d stages, 1 to %d are possible".formatted(percents.size(), STAGES_MAX));
    }
    int before = 0;
    for (int stage = 0; stage < percents.size(); stage++) {
      int percent = percents.get(stage);
      if (percent <= before || percent > 100) {
        throw new IllegalArgumentException(
            "stages[%d].percent: %d must be above the %d before it and at most 100: percentages are cumulative"
                .formatted(stage, percent, before));
      }
      before = percent;
    }
    if (before != 100) {
      throw new IllegalArgumentException(
          "stages[%d].percent: the last stage is %d, it must be 100"
              .formatted(percents.size() - 1, before));
    }
    if (soak.isNegative()) {
      throw new IllegalArgumentException("soak: must not be negative");
    }
  }

  /**
   * What ends waiting.
   *
   * @param start an online device that has not begun by then has failed
   * @param progress a device that has begun and is not at an end by then has failed
   * @param stage a device that is offline by then is deferred; without a verdict by then the stage
   *     is inconclusive
   */
  public record Deadlines(Duration start, Duration progress, Duration stage) {
    /** Deadlines for stages that are watched for this long. */
    public static Deadlines forSoak(Duration soak) {
      Duration stage = soak.multipliedBy(12).plus(Duration.ofMinutes(1));
      return new Deadlines(Duration.ofSeconds(30), Duration.ofMinutes(1), stage);
    }
  }
}
