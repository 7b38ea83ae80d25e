package io.skerry.fleet.rollout;

/** Why a rollout is paused. Names are wire values. */
public enum PauseReason {
  USER,
  /** A stage's deadline came before its gates could decide. */
  GATE_INCONCLUSIVE,
  /** A gate whose action is to pause failed. */
  GATE_FAILED
}
