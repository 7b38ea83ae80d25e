package io.skerry.agent.update;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.agent.update.UpdateMachine.Transition;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What time alone brings: the next attempt, the next step, or the end of one that hangs. Pure. */
final class StepTimers {
  private final UpdatePolicy policy;
  private final StepFaults faults;

  StepTimers(UpdatePolicy policy, StepFaults faults) {
    this.policy = policy;
    this.faults = faults;
  }

  /** Time in which no step before the switch could go on, nor one that nobody works at yet. */
  SlotState held(SlotState state, Duration time, boolean isWaiting) {
    return switch (state.step()) {
      case Step.Downloading _, Step.Verifying _, Step.Staged _, Step.Compiling _, Step.Ready _ ->
          state.withSince(state.since().plus(time));
      case Step.Activating _, Step.Repairing _ when isWaiting ->
          state.withSince(state.since().plus(time));
      case Step.Idle _,
          Step.Waiting _,
          Step.Activating _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RollingBack _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _,
          Step.Repairing _ ->
          state;
    };
  }

  /** Time went by. */
  Transition ticked(SlotState state, Situation situation) {
    Instant now = situation.now();
    Duration inStep = Duration.between(state.since(), now);
    UpdatePolicy.Timers timers = policy.timers();
    Duration inProgress = state.counts().spent().plus(inStep);
    return switch (state.step()) {
      case Step.Waiting _ when situation.fresh() ->
          OrderCourse.beginNew(state, state.order().orElseThrow(), situation);
      case Step.Downloading _, Step.Verifying _, Step.Staged _, Step.Compiling _, Step.Ready _
          when inProgress.compareTo(timers.inProgress()) > 0 ->
          OrderCourse.end(state.nextJob(), Failures.outOfTime(state, inProgress), situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.Downloading(int attempt, Optional<Instant> retryAt) when retryAt.isPresent() ->
          now.isBefore(retryAt.get())
              ? Transition.to(state)
              : OrderCourse.download(
                  state.nextJob(), new Step.Downloading(attempt, Optional.empty()), situation);
      case Step.Downloading _ ->
          faults.hung(state, inStep, timers.download(), ErrorCode.DOWNLOAD_FAILED, situation);
      case Step.Verifying _ ->
          faults.hung(state, inStep, timers.verify(), ErrorCode.STORAGE_FAILED, situation);
      case Step.Staged _ -> {
        SlotState next =
            state
                .nextJob()
                .withStarts(state.starts() + 1)
                .withStep(new Step.Compiling(situation.reachable()), now);
        yield Transition.to(next, compile(next, state.order().orElseThrow()));
      }
      case Step.Compiling _ ->
          faults.hung(state, inStep, timers.compile(), ErrorCode.MODEL_LOAD_FAILED, situation);
      // Nobody knows what answers now: go back to what is proven.
      case Step.Activating _ when inStep.compareTo(timers.activate()) > 0 ->
          OrderCourse.rollBack(
                  state, Failures.hang(state, inStep, ErrorCode.INTERNAL), 1, situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.RollingBack _ ->
          faults.hung(state, inStep, timers.compile(), ErrorCode.MODEL_LOAD_FAILED, situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt)
          when retryAt.isPresent() ->
          now.isBefore(retryAt.get())
              ? Transition.to(state)
              : OrderCourse.repair(state, end, attempt, situation);
      case Step.Repairing _ ->
          faults.hung(state, inStep, timers.download(), ErrorCode.DOWNLOAD_FAILED, situation);
      case Step.Idle _,
          Step.Waiting _,
          Step.Ready _,
          Step.Activating _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          Transition.to(state);
    };
  }

  private static UpdateEffect compile(SlotState next, DesiredSlot order) {
    return new UpdateEffect.Compile(next.job(), order, next.isKnown(order));
  }
}
