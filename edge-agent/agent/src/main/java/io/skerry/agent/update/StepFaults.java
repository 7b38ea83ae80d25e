package io.skerry.agent.update;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.agent.update.UpdateMachine.Transition;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotReport;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What follows when a step failed or hangs: another attempt, the end of the order, or the way back.
 * Pure.
 */
final class StepFaults {
  private final UpdatePolicy policy;

  StepFaults(UpdatePolicy policy) {
    this.policy = policy;
  }

  /** The step, or its attempt, failed. */
  Transition broken(SlotState state, UpdateEvent.Broken event, Situation situation) {
    SlotReport.Failure failure = new SlotReport.Failure(event.code(), event.detail());
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt) ->
          retry(state, failure, attempt, event.retryAfter(), situation);
      case Step.Verifying(int attempt) ->
          retry(state, failure, attempt, Optional.empty(), situation);
      case Step.Compiling _ when Failures.isDamage(failure.code()) ->
          retry(state, failure, state.starts(), Optional.empty(), situation);
      case Step.Compiling _, Step.Activating _ ->
          OrderCourse.end(state, Failures.terminal(failure), situation);
      case Step.RollingBack(SlotReport.Failure cause, int attempt) ->
          attempt < policy.restoresMax()
              ? OrderCourse.rollBack(state, cause, attempt + 1, situation)
              // What answers goes on answering: it is better than nothing.
              : OrderCourse.end(state, new Step.Failed(Failures.both(cause, failure)), situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt) ->
          Transition.to(
              state
                  .nextJob()
                  .withStarts(0)
                  .withStep(
                      new Step.Repairing(
                          end,
                          attempt + 1,
                          Optional.of(
                              situation.now().plus(policy.repairPause(state.job(), attempt)))),
                      situation.now()));
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Ready _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          Transition.to(state);
    };
  }

  private Transition retry(
      SlotState state,
      SlotReport.Failure failure,
      int attempt,
      Optional<Duration> retryAfter,
      Situation situation) {
    boolean damagedHere =
        Failures.isDamage(failure.code()) && !(state.step() instanceof Step.Downloading);
    // Bytes that are wrong twice are wrong at their source.
    int attemptsMax =
        failure.code() == ErrorCode.ARTIFACT_DIGEST_MISMATCH
            ? Math.min(2, policy.attemptsMax())
            : policy.attemptsMax();
    if ((failure.code().retry() != ErrorCode.Retry.SAME_CALL && !damagedHere)
        || attempt >= attemptsMax) {
      return OrderCourse.end(state, Failures.terminal(failure), situation);
    }
    long revision = state.order().map(DesiredSlot::revision).orElse(0L);
    Duration pause = policy.pause(revision, attempt);
    Duration asked = retryAfter.orElse(Duration.ZERO);
    Duration bounded = asked.compareTo(policy.retryAfterMax()) < 0 ? asked : policy.retryAfterMax();
    Instant at = situation.now().plus(pause.compareTo(bounded) > 0 ? pause : bounded);
    return Transition.to(
        state
            .nextJob()
            .withStep(new Step.Downloading(attempt + 1, Optional.of(at)), situation.now()));
  }

  /** The step is given up when it took longer than this. */
  Transition hung(
      SlotState state, Duration inStep, Duration max, ErrorCode code, Situation situation) {
    if (inStep.compareTo(max) <= 0) {
      return Transition.to(state);
    }
    SlotReport.Failure failure = Failures.hang(state, inStep, code);
    Transition next =
        state.step() instanceof Step.Compiling
            ? OrderCourse.end(state.nextJob(), new Step.Failed(failure), situation)
            : broken(
                state,
                new UpdateEvent.Broken(
                    state.job(), failure.code(), failure.detail(), Optional.empty()),
                situation);
    return next.after(new UpdateEffect.Cancel(state.job()));
  }
}
