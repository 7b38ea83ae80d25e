package io.skerry.fleet.rollout;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A rollout's phase, its stages, and how many orders its pace has left.
 *
 * @param stages one entry per step of the plan
 * @param paidAt when orders were given last
 * @param permits orders that the pace allowed then and that were not given
 */
public record RolloutState(
    RolloutPhase phase, List<StageProgress> stages, Instant paidAt, double permits) {
  public RolloutState {
    stages = List.copyOf(stages);
  }

  /** A rollout that was written down. */
  public static RolloutState draft(RolloutPlan plan) {
    return new RolloutState(
        new RolloutPhase.Draft(),
        Collections.nCopies(plan.steps().size(), StageProgress.PENDING),
        Instant.EPOCH,
        0);
  }

  /** A checked rollout that has not started. */
  public static RolloutState ready(RolloutPlan plan) {
    return draft(plan).in(new RolloutPhase.Ready());
  }

  /**
   * Whether nothing was decided between this and another: the phase is the same, and so is each
   * stage's state. What a pace has left, and what gates say so far, may be another at any look.
   */
  public boolean isDecidedLike(RolloutState other) {
    return phase.equals(other.phase) && stageStates().equals(other.stageStates());
  }

  private List<StageState> stageStates() {
    return stages.stream().map(StageProgress::state).toList();
  }

  RolloutState in(RolloutPhase next) {
    return new RolloutState(next, stages, paidAt, permits);
  }

  RolloutState with(int stage, StageProgress progress) {
    List<StageProgress> changed = new ArrayList<>(stages);
    changed.set(stage, progress);
    return new RolloutState(phase, changed, paidAt, permits);
  }

  RolloutState paid(Instant at, double left) {
    return new RolloutState(phase, stages, at, left);
  }
}
