package io.skerry.fleet.rollout;

/**
 * One device's part in a rollout. Names are wire values.
 *
 * <pre>
 * PENDING > OFFERED > DOWNLOADING > VERIFYING > STAGED > COMPILING > ACTIVATING > PROBATION > COMMITTED
 *   OFFERED .. PROBATION > REJECTED | FAILED | ROLLED_BACK     VERIFYING .. PROBATION > TIMED_OUT
 *   OFFERED | DOWNLOADING > NOT_REACHED > VERIFYING .. COMMITTED, or the same ends, late
 *   PENDING .. PROBATION > DEFERRED (offline) > the same ends, late
 *   PENDING > ALREADY_INSTALLED          before ACTIVATING > CANCELLED         any > REMOVED
 *   touched > RESTORING > RESTORED | RESTORE_FAILED | DEFERRED (offline)
 *   RESTORE_FAILED > RESTORING (again) | RESTORED (late)
 *   FAILED | TIMED_OUT | ROLLED_BACK | NOT_REACHED > PENDING (retry)
 *   PENDING | DEFERRED > NOT_ELIGIBLE    NOT_ELIGIBLE > PENDING (dynamic, when it fits again)
 * </pre>
 */
public enum DeploymentState {
  PENDING,
  OFFERED,
  DOWNLOADING,
  VERIFYING,
  STAGED,
  COMPILING,
  ACTIVATING,
  PROBATION,
  /** The running process serves the version. */
  COMMITTED,
  /** The device can never carry out the order. */
  REJECTED,
  /** The order failed for a cause that may pass. */
  FAILED,
  /** The device had the version and was online, and did not go on or end in time. */
  TIMED_OUT,
  /** The version ran, failed its probation, and the device went back by itself. */
  ROLLED_BACK,
  /** It ran the version before it was offered. */
  ALREADY_INSTALLED,
  /**
   * The order was taken back before the device had switched, or where nothing ran before; nobody
   * asked the device.
   */
  CANCELLED,
  /** The device was removed from the fleet. */
  REMOVED,
  /** Offline at the stage's deadline or at the rollout's end; catches up later. */
  DEFERRED,
  /**
   * The device did not have the version in time: that tells of its line, or of ours, and nothing of
   * the version. It keeps its order, and may come late.
   */
  NOT_REACHED,
  /** Ordered back to what it ran before. */
  RESTORING,
  /** Runs again what it ran before. */
  RESTORED,
  /**
   * Could not go back; ordered back again a few times, and RESTORED if it gets there while the
   * rollout is followed.
   */
  RESTORE_FAILED,
  /**
   * What it says of itself changed before it was ordered, and nothing that the rollout brings fits
   * it any more: it has left its stage, and counts for nothing.
   */
  NOT_ELIGIBLE;

  /** Whether the device has an order that it has not brought to an end. */
  public boolean isInFlight() {
    return switch (this) {
      case OFFERED, DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION -> true;
      case PENDING, COMMITTED, REJECTED, FAILED, TIMED_OUT, ROLLED_BACK, ALREADY_INSTALLED -> false;
      case NOT_REACHED, CANCELLED, REMOVED, DEFERRED, RESTORING, RESTORED, RESTORE_FAILED -> false;
      case NOT_ELIGIBLE -> false;
    };
  }

  /** Whether the order can be taken back without undoing a switch. */
  public boolean isBeforeSwitch() {
    return isInFlight() && this != ACTIVATING && this != PROBATION;
  }

  /** Whether the update of this device came to an end of its own. */
  public boolean isEnded() {
    return isSuccess() || isFailure();
  }

  /** Whether it runs the version. */
  public boolean isSuccess() {
    return this == COMMITTED || this == ALREADY_INSTALLED;
  }

  /** Whether it ended without the version running. */
  public boolean isFailure() {
    return this == REJECTED || this == FAILED || this == TIMED_OUT || this == ROLLED_BACK;
  }

  /** Whether another attempt makes sense. */
  public boolean isRetryable() {
    return (isFailure() && this != REJECTED) || this == NOT_REACHED;
  }

  /** Whether the device does not have the version yet that it was ordered. */
  public boolean isBeforeTheVersion() {
    return this == OFFERED || this == DOWNLOADING;
  }

  /**
   * Whether the device counts as touched by its rollout: it was given an order, or was to be given
   * one and was late or cancelled. One that has left its stage does not, whatever an earlier
   * attempt had ordered it: that was taken back.
   */
  public boolean isTouched() {
    return this != PENDING && this != ALREADY_INSTALLED && this != REMOVED && this != NOT_ELIGIBLE;
  }

  /** Whether what the device does with the version is evidence of it. */
  public boolean isEvidence() {
    return this == PROBATION || isSuccess();
  }

  /** Whether what the device does with the version before is evidence of that. */
  public boolean isControl() {
    return this == PENDING || this == DEFERRED;
  }

  /** Whether nothing follows by itself. */
  public boolean isTerminal() {
    return this != PENDING && !isInFlight() && this != RESTORING && this != DEFERRED;
  }
}
