package io.skerry.fleet.rollout;

/** How far a stage is. Names are wire values. */
public enum StageState {
  PENDING,
  /** Its devices are offered the version. */
  RUNNING,
  /** All its devices came to an end; the version is watched. */
  SOAKING,
  PASSED,
  FAILED,
  /** Its deadline came before a verdict. */
  INCONCLUSIVE
}
