package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.Verdict;
import io.skerry.fleet.rollout.RolloutPhase.Aborted;
import io.skerry.fleet.rollout.RolloutPhase.Aborting;
import io.skerry.fleet.rollout.RolloutPhase.Draft;
import io.skerry.fleet.rollout.RolloutPhase.Paused;
import io.skerry.fleet.rollout.RolloutPhase.Ready;
import io.skerry.fleet.rollout.RolloutPhase.RolledBack;
import io.skerry.fleet.rollout.RolloutPhase.RollingBack;
import io.skerry.fleet.rollout.RolloutPhase.Running;
import io.skerry.fleet.rollout.RolloutPhase.Succeeded;
import io.skerry.fleet.rollout.RolloutPhase.Superseded;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Decides a rollout's next step from what was counted and judged. Pure: no clock, no I/O.
 *
 * <pre>
 * DRAFT > READY > RUNNING &lt;> PAUSED
 *   RUNNING | PAUSED > ABORTING > ABORTED
 *   RUNNING | PAUSED > ROLLING_BACK > ROLLED_BACK      (without a version before: ABORTING)
 *   RUNNING > SUCCEEDED          any but the ends > SUPERSEDED
 * stage: PENDING > RUNNING > SOAKING > PASSED | FAILED | INCONCLUSIVE
 * </pre>
 *
 * <p>Harm shown by a gate acts at once, in whatever the stage is doing and also while paused. A
 * stage passes only when its soak is over and no gate blocks; at least one device must have
 * committed.
 */
public final class RolloutMachine {
  private RolloutMachine() {}

  /**
   * One step.
   *
   * @param effects to be carried out in the same transaction as the state is kept
   * @param refusal why the event is not possible in this phase; the state is then unchanged
   */
  public record Step(RolloutState state, List<RolloutEffect> effects, Optional<String> refusal) {
    public Step {
      effects = List.copyOf(effects);
    }

    static Step to(RolloutState state, RolloutEffect... effects) {
      return new Step(state, List.of(effects), Optional.empty());
    }
  }

  /** The state and the orders after an event. */
  public static Step step(RolloutPlan plan, RolloutState state, RolloutEvent event, Instant now) {
    return switch (event) {
      case RolloutEvent.Start _ -> start(state, now);
      case RolloutEvent.Observed observed -> observed(plan, state, observed, now);
      case RolloutEvent.Pause pause -> pause(state, pause.reason());
      case RolloutEvent.Resume _ -> resume(state, now);
      case RolloutEvent.Promote promote -> promote(plan, state, promote.reason(), now);
      case RolloutEvent.Abort abort -> abort(state, abort.reason());
      case RolloutEvent.RollBack rollBack -> rollBack(state, rollBack.reason());
      case RolloutEvent.Supersede supersede ->
          state.phase().isTerminal()
              ? refused(state, "be superseded")
              : Step.to(state.in(new Superseded(supersede.by())));
    };
  }

  private static Step refused(RolloutState state, String act) {
    return new Step(
        state,
        List.of(),
        Optional.of("a rollout that is %s cannot %s".formatted(state.phase().code(), act)));
  }

  private static Step start(RolloutState state, Instant now) {
    return state.phase() instanceof Ready ? open(state, 0, now) : refused(state, "be started");
  }

  private static Step open(RolloutState state, int stage, Instant now) {
    return Step.to(
        state.in(new Running(stage)).with(stage, StageProgress.opened(now)),
        new RolloutEffect.OfferStage(stage));
  }

  private static Step pause(RolloutState state, String reason) {
    return state.phase() instanceof Running(int stage)
        ? Step.to(state.in(new Paused(stage, PauseReason.USER, reason)))
        : refused(state, "be paused");
  }

  private static Step resume(RolloutState state, Instant now) {
    return state.phase() instanceof Paused(int stage, PauseReason _, String _)
        ? Step.to(state.in(new Running(stage)).with(stage, state.stages().get(stage).reopened(now)))
        : refused(state, "be resumed");
  }

  private static Step promote(RolloutPlan plan, RolloutState state, String reason, Instant now) {
    return openStage(state)
        .map(stage -> passed(plan, state, stage, "promoted: " + reason, now))
        .orElseGet(() -> refused(state, "be promoted"));
  }

  private static Step abort(RolloutState state, String reason) {
    return switch (state.phase()) {
      case Draft _, Ready _ -> Step.to(state.in(new Aborted(reason)));
      case Running _, Paused _ ->
          Step.to(
              closed(state, reason).in(new Aborting(reason)), new RolloutEffect.RestoreUnstarted());
      case Aborting _, Aborted _, RollingBack _, RolledBack _, Succeeded _, Superseded _ ->
          refused(state, "be aborted");
    };
  }

  private static Step rollBack(RolloutState state, String reason) {
    return switch (state.phase()) {
      case Running _, Paused _, Aborting _ -> restore(state, reason);
      case Draft _, Ready _, Aborted _, RollingBack _, RolledBack _, Succeeded _, Superseded _ ->
          refused(state, "be rolled back");
    };
  }

  private static Step restore(RolloutState state, String reason) {
    return Step.to(
        closed(state, reason).in(new RollingBack(reason)), new RolloutEffect.RestoreTouched());
  }

  private static RolloutState closed(RolloutState state, String reason) {
    return openStage(state)
        .map(
            stage -> state.with(stage, state.stages().get(stage).closed(StageState.FAILED, reason)))
        .orElse(state);
  }

  private static Optional<Integer> openStage(RolloutState state) {
    return switch (state.phase()) {
      case Running(int stage) -> Optional.of(stage);
      case Paused(int stage, PauseReason _, String _) -> Optional.of(stage);
      case Draft _, Ready _, Aborting _, Aborted _, RollingBack _, RolledBack _ -> Optional.empty();
      case Succeeded _, Superseded _ -> Optional.empty();
    };
  }

  private static Step observed(
      RolloutPlan plan, RolloutState state, RolloutEvent.Observed seen, Instant now) {
    return switch (state.phase()) {
      case Running(int stage) -> judged(plan, state, stage, seen, now, true);
      case Paused(int stage, PauseReason _, String _) ->
          judged(plan, state, stage, seen, now, false);
      case Aborting aborting -> aborting(plan, state, aborting, seen, now);
      case RollingBack rollingBack -> rollingBack(plan, state, rollingBack, seen, now);
      case Draft _, Ready _, Aborted _, RolledBack _, Succeeded _, Superseded _ -> Step.to(state);
    };
  }

  private static Step judged(
      RolloutPlan plan,
      RolloutState before,
      int stage,
      RolloutEvent.Observed seen,
      Instant now,
      boolean running) {
    RolloutState state = before.with(stage, before.stages().get(stage).with(seen.gates()));
    Optional<GateAction> harm =
        seen.gates().stream()
            .filter(result -> result.verdict() == Verdict.FAIL)
            .map(GateResult::action)
            .max(Comparator.naturalOrder());
    if (harm.isPresent()) {
      return harmed(state, stage, harm.get(), seen, running);
    }
    if (!running) {
      return Step.to(state);
    }
    StageCensus census = seen.census().get(stage);
    StageProgress progress = state.stages().get(stage);
    return switch (progress.state()) {
      case RUNNING -> offering(plan, state, stage, census, now);
      case SOAKING -> soaking(plan, state, stage, progress, now);
      case PENDING, PASSED, FAILED, INCONCLUSIVE -> Step.to(state);
    };
  }

  private static Step harmed(
      RolloutState state,
      int stage,
      GateAction action,
      RolloutEvent.Observed seen,
      boolean running) {
    String reason = reasons(seen.gates(), Verdict.FAIL);
    return switch (action) {
      case PAUSE ->
          running
              ? Step.to(state.in(new Paused(stage, PauseReason.GATE_FAILED, reason)))
              : Step.to(state);
      case ABORT -> abort(state, reason);
      case ROLLBACK ->
          seen.census().stream().mapToInt(StageCensus::replacing).sum() > 0
              ? restore(state, reason)
              : abort(state, reason + "; no version before to go back to");
    };
  }

  private static Step offering(
      RolloutPlan plan, RolloutState state, int stage, StageCensus census, Instant now) {
    StageProgress progress = state.stages().get(stage);
    if (census.devices() == 0) {
      return passed(plan, state, stage, "no device is in this stage", now);
    }
    Instant openedAt = progress.openedAt().orElse(now);
    boolean late = !now.isBefore(openedAt.plus(plan.deadlines().stage()));
    if (census.count(DeploymentState.PENDING) + census.underWay() > 0) {
      List<RolloutEffect> effects = new ArrayList<>();
      if (census.count(DeploymentState.PENDING) > 0) {
        effects.add(new RolloutEffect.OfferStage(stage));
      }
      effects.add(overdue(plan, now));
      if (late) {
        effects.add(new RolloutEffect.DeferOffline(stage));
      }
      return new Step(state, effects, Optional.empty());
    }
    if (census.count(DeploymentState.COMMITTED) > 0) {
      return Step.to(state.with(stage, progress.soaking(now)));
    }
    return late || census.count(DeploymentState.DEFERRED) == census.devices()
        ? inconclusive(state, stage, "no device of the stage runs the version")
        : Step.to(state);
  }

  private static Step soaking(
      RolloutPlan plan, RolloutState state, int stage, StageProgress progress, Instant now) {
    Instant since = progress.soakingSince().orElse(now);
    if (now.isBefore(since.plus(plan.soak()))) {
      return Step.to(state);
    }
    if (progress.evidence().stream().noneMatch(GateResult::blocks)) {
      return passed(plan, state, stage, "every gate passed", now);
    }
    // Counted from the end of the offers, so that a slow download does not eat the watch.
    boolean late = !now.isBefore(since.plus(plan.deadlines().stage()));
    if (!late) {
      return Step.to(state);
    }
    List<GateResult> blocking = progress.evidence().stream().filter(GateResult::blocks).toList();
    return inconclusive(
        state,
        stage,
        blocking.stream().map(GateResult::toString).collect(Collectors.joining("; ")));
  }

  private static Step inconclusive(RolloutState state, int stage, String reason) {
    StageProgress progress = state.stages().get(stage);
    return Step.to(
        state
            .with(stage, progress.closed(StageState.INCONCLUSIVE, reason))
            .in(new Paused(stage, PauseReason.GATE_INCONCLUSIVE, reason)));
  }

  private static Step passed(
      RolloutPlan plan, RolloutState state, int stage, String reason, Instant now) {
    RolloutState closed =
        state.with(stage, state.stages().get(stage).closed(StageState.PASSED, reason));
    return stage + 1 < plan.percents().size()
        ? open(closed, stage + 1, now)
        : Step.to(closed.in(new Succeeded()));
  }

  private static Step aborting(
      RolloutPlan plan,
      RolloutState state,
      Aborting aborting,
      RolloutEvent.Observed seen,
      Instant now) {
    return settled(seen)
        ? Step.to(state.in(new Aborted(aborting.reason())))
        : Step.to(state, overdue(plan, now));
  }

  private static Step rollingBack(
      RolloutPlan plan,
      RolloutState state,
      RollingBack rollingBack,
      RolloutEvent.Observed seen,
      Instant now) {
    if (!settled(seen)) {
      return Step.to(state, overdue(plan, now));
    }
    int stuck =
        seen.census().stream()
            .mapToInt(census -> census.count(DeploymentState.RESTORE_FAILED))
            .sum();
    String reason =
        stuck == 0
            ? rollingBack.reason()
            : "%s; %d devices could not go back".formatted(rollingBack.reason(), stuck);
    return Step.to(state.in(new RolledBack(reason)));
  }

  private static boolean settled(RolloutEvent.Observed seen) {
    return seen.census().stream()
        .allMatch(
            census ->
                census.countOnline(DeploymentState.RESTORING)
                        + census.countOnline(DeploymentState.OFFERED)
                        + census.countOnline(DeploymentState.IN_PROGRESS)
                    == 0);
  }

  private static RolloutEffect overdue(RolloutPlan plan, Instant now) {
    return new RolloutEffect.FailOverdue(
        now.minus(plan.deadlines().start()), now.minus(plan.deadlines().progress()));
  }

  private static String reasons(List<GateResult> gates, Verdict verdict) {
    return gates.stream()
        .filter(result -> result.verdict() == verdict)
        .map(GateResult::toString)
        .collect(Collectors.joining("; "));
  }
}
