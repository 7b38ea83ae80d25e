package io.skerry.fleet.gate;

/** What a failed gate does to its rollout, mildest first. Names are wire values. */
public enum GateAction {
  PAUSE,
  ABORT,
  ROLLBACK
}
