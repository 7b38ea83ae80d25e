package io.skerry.fleet.rollout;

/** Why a rollout is paused. Names are wire values. */
public enum PauseReason {
  USER,
  /** A stage's deadline came before its gates could decide. */
  GATE_INCONCLUSIVE,
  /** A gate whose action is to pause failed. */
  GATE_FAILED,
  /** The stage passed, and its rule asks for an operator before the next one. */
  SUCCESS_PAUSE,
  /** Outside every maintenance window; goes on by itself. */
  WINDOW;

  /** Whether a gate has paused it, which nobody knows who does not look. */
  public boolean isByGate() {
    return this == GATE_INCONCLUSIVE || this == GATE_FAILED;
  }
}
