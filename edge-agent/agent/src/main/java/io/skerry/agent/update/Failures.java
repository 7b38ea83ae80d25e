package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotReport;
import java.time.Duration;

/** What an order's failure is called, and whether it is one for ever. */
final class Failures {
  private Failures() {}

  static SlotReport.Failure expired(DesiredSlot order) {
    return new SlotReport.Failure(
        ErrorCode.SNAPSHOT_EXPIRED,
        "%s waits for a fresh snapshot of the trusted metadata".formatted(order.version()));
  }

  static SlotReport.Failure superseded(DesiredSlot next) {
    return new SlotReport.Failure(
        ErrorCode.SUPERSEDED, "%s was ordered before it proved itself".formatted(next.version()));
  }

  static SlotReport.Failure predictions(UpdateEvent.Counted counted, DesiredSlot order) {
    return new SlotReport.Failure(
        ErrorCode.PROBATION_FAILED,
        "%d of %d predictions of %s failed on probation"
            .formatted(counted.failed(), counted.good() + counted.failed(), order.version()));
  }

  static SlotReport.Failure cutOff(Duration grace, DesiredSlot order) {
    return new SlotReport.Failure(
        ErrorCode.PROBATION_FAILED,
        "the control plane was not reached for %s since %s answers, and was before"
            .formatted(grace, order.version()));
  }

  static SlotReport.Failure crashLoop(int times, DesiredSlot order, String step) {
    return new SlotReport.Failure(
        ErrorCode.CRASH_LOOP,
        "the agent stopped %d times before %s proved itself, last while %s"
            .formatted(times, order.version(), step));
  }

  static SlotReport.Failure both(SlotReport.Failure cause, SlotReport.Failure restoring) {
    return new SlotReport.Failure(
        cause.code(),
        "%s; the version before it cannot be restored: %s: %s"
            .formatted(cause.detail(), restoring.code(), restoring.detail()));
  }

  /** Whether the bytes on disk are to blame, not the model. */
  static boolean isDamage(ErrorCode code) {
    return code == ErrorCode.ARTIFACT_DIGEST_MISMATCH
        || code == ErrorCode.ARTIFACT_NOT_FOUND
        || code == ErrorCode.STORAGE_FAILED;
  }

  static Step terminal(SlotReport.Failure failure) {
    return switch (failure.code()) {
      case PROFILE_UNSUPPORTED,
          ENGINE_UNAVAILABLE,
          ARTIFACT_TOO_LARGE,
          ARTIFACT_DIGEST_MISMATCH,
          ACCEPTANCE_LATENCY,
          ACCEPTANCE_MEMORY,
          TRIAL_UNFIT,
          RELEASE_NOT_DELEGATED,
          RELEASE_COUNTER_TOO_LOW ->
          new Step.Rejected(failure);
      default ->
          failure.code().retry() == ErrorCode.Retry.NEVER
              ? new Step.Rejected(failure)
              : new Step.Failed(failure);
    };
  }

  static Step outOfTime(SlotState state, Duration spent) {
    return new Step.Failed(
        new SlotReport.Failure(
            ErrorCode.DOWNLOAD_BUDGET_SPENT,
            "not begun to answer after %s, last %s".formatted(spent, state.step().phase())));
  }

  static SlotReport.Failure hang(SlotState state, Duration inStep, ErrorCode code) {
    return new SlotReport.Failure(
        code, "%s hung for %s and was cancelled".formatted(state.step().phase(), inStep));
  }
}
