package io.skerry.protocol;

/** How far a device is with a slot's order. Names are wire values. */
public enum SlotPhase {
  IDLE,
  DOWNLOADING,
  VERIFYING,
  STAGED,
  COMPILING,
  ACTIVATING,
  PROBATION,
  /** The running process serves the ordered version and has proved itself. */
  COMMITTED,
  /** The ordered version ran, failed its probation, and the one before it runs again. */
  ROLLED_BACK,
  /** The order can never be carried out by this device: retrying cannot help. */
  REJECTED,
  /** The order failed for a cause that may pass. */
  FAILED;

  /** Whether the device will do nothing more about this revision by itself. */
  public boolean isTerminal() {
    return switch (this) {
      case COMMITTED, ROLLED_BACK, REJECTED, FAILED -> true;
      case IDLE, DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION -> false;
    };
  }
}
