package io.skerry.fleet.rollout;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A rollout's phase and its stages, one entry per stage of the plan. */
public record RolloutState(RolloutPhase phase, List<StageProgress> stages) {
  public RolloutState {
    stages = List.copyOf(stages);
  }

  /** A checked rollout that has not started. */
  public static RolloutState ready(RolloutPlan plan) {
    return new RolloutState(
        new RolloutPhase.Ready(),
        Collections.nCopies(plan.percents().size(), StageProgress.PENDING));
  }

  RolloutState in(RolloutPhase next) {
    return new RolloutState(next, stages);
  }

  RolloutState with(int stage, StageProgress progress) {
    List<StageProgress> changed = new ArrayList<>(stages);
    changed.set(stage, progress);
    return new RolloutState(phase, changed);
  }
}
