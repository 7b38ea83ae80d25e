package io.skerry.fleet.rollout;

/**
 * One device's part in a rollout. Names are wire values.
 *
 * <pre>
 * PENDING > OFFERED > IN_PROGRESS > COMMITTED | REJECTED | FAILED | ROLLED_BACK
 *           OFFERED | IN_PROGRESS > DEFERRED (offline) > the same ends, late
 * any but PENDING > RESTORING > RESTORED | RESTORE_FAILED
 * </pre>
 */
public enum DeploymentState {
  PENDING,
  OFFERED,
  IN_PROGRESS,
  /** The running process serves the version. */
  COMMITTED,
  /** The device can never carry out the order. */
  REJECTED,
  /** The order failed, or its time ran out. */
  FAILED,
  /** The version ran, failed its probation, and the device went back by itself. */
  ROLLED_BACK,
  /** Offline at the stage's deadline; keeps its order and catches up. */
  DEFERRED,
  /** Ordered back to what it ran before. */
  RESTORING,
  /** Runs again what it ran before. */
  RESTORED,
  /** Could not go back. */
  RESTORE_FAILED;

  /** Whether the update of this device came to an end of its own. */
  public boolean isEnded() {
    return switch (this) {
      case COMMITTED, REJECTED, FAILED, ROLLED_BACK -> true;
      case PENDING, OFFERED, IN_PROGRESS, DEFERRED, RESTORING, RESTORED, RESTORE_FAILED -> false;
    };
  }

  /** Whether it ended without the version running. */
  public boolean isFailure() {
    return isEnded() && this != COMMITTED;
  }
}
