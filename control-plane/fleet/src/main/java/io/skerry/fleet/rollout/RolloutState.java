package io.skerry.fleet.rollout;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A rollout's phase, its stages, and how many orders its pace has left.
 *
 * @param stages one entry per step of the plan
 * @param paidAt when orders were given last
 * @param permits orders that the pace allowed then and that were not given
 * @param accepted gates that failed, and whose failure a person takes: they pause nothing more
 *     unless another stage's own devices fail them, too
 * @param catchingUp of a rollout that has succeeded, how those do who get the version after that
 * @param promotion of a trial that was good, while its version goes through the stages as the
 *     active one, and after that
 */
public record RolloutState(
    RolloutPhase phase,
    List<StageProgress> stages,
    Instant paidAt,
    double permits,
    List<String> accepted,
    Optional<CatchingUp> catchingUp,
    Optional<Promotion> promotion) {
  /**
   * What a good trial showed.
   *
   * @param verdict its gates, in words
   * @param trial its stages as they ended
   */
  public record Promotion(String verdict, List<StageProgress> trial) {
    /** Copies the list. */
    public Promotion {
      trial = List.copyOf(trial);
    }
  }

  /** A state that was kept before there was one of the last three has none. */
  public RolloutState {
    promotion = Objects.requireNonNullElse(promotion, Optional.empty());
    catchingUp = Objects.requireNonNullElse(catchingUp, Optional.empty());
    accepted = List.copyOf(Objects.requireNonNullElse(accepted, List.of()));
    stages = List.copyOf(stages);
  }

  /** A rollout that was written down. */
  public static RolloutState draft(RolloutPlan plan) {
    return new RolloutState(
        new RolloutPhase.Draft(),
        unopened(plan),
        Instant.EPOCH,
        0,
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  private static List<StageProgress> unopened(RolloutPlan plan) {
    return Collections.nCopies(plan.steps().size(), StageProgress.PENDING);
  }

  /** A checked rollout that has not started. */
  public static RolloutState ready(RolloutPlan plan) {
    return draft(plan).in(new RolloutPhase.Ready());
  }

  /**
   * Whether nothing was decided between this and another: the phase is the same, and so are each
   * stage's state and the failed gates that keep it paused, for a person who promotes it accepts
   * these. What a pace has left, and what gates say so far, may be another at any look.
   */
  public boolean isDecidedLike(RolloutState other) {
    return phase.equals(other.phase)
        && promotion.equals(other.promotion)
        && stageStates().equals(other.stageStates())
        && held().equals(other.held())
        && RolloutMachine.failedGates(this).equals(RolloutMachine.failedGates(other));
  }

  private List<StageState> stageStates() {
    return stages.stream().map(StageProgress::state).toList();
  }

  /** Why nobody is offered the version any more after the success; empty while it is offered. */
  public String held() {
    return catchingUp.map(CatchingUp::held).orElse("");
  }

  RolloutState catchingUp(Optional<CatchingUp> next) {
    return new RolloutState(phase, stages, paidAt, permits, accepted, next, promotion);
  }

  RolloutState in(RolloutPhase next) {
    return new RolloutState(next, stages, paidAt, permits, accepted, catchingUp, promotion);
  }

  RolloutState with(int stage, StageProgress progress) {
    List<StageProgress> changed = new ArrayList<>(stages);
    changed.set(stage, progress);
    return new RolloutState(phase, changed, paidAt, permits, accepted, catchingUp, promotion);
  }

  RolloutState paid(Instant at, double left) {
    return new RolloutState(phase, stages, at, left, accepted, catchingUp, promotion);
  }

  RolloutState accepting(List<String> gates) {
    List<String> all =
        Stream.concat(accepted.stream(), gates.stream()).distinct().sorted().toList();
    return new RolloutState(phase, stages, paidAt, permits, all, catchingUp, promotion);
  }

  // What a person took of the trial is none of what follows.
  RolloutState promoting(RolloutPlan plan, String verdict) {
    return new RolloutState(
        phase,
        unopened(plan),
        paidAt,
        permits,
        List.of(),
        Optional.empty(),
        Optional.of(new Promotion(verdict, stages)));
  }
}
