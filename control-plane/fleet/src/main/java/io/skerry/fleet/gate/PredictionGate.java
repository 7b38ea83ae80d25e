package io.skerry.fleet.gate;

/** Predictions of the new version that failed on the devices of the rollout. */
public final class PredictionGate {
  static final String NAME = "failed-predictions";

  private PredictionGate() {}

  /**
   * Judges the counters of the new version's windows.
   *
   * @param answered predictions that succeeded or failed
   * @param failed of them, failed for a fault of the model or of ours
   */
  public static GateResult judge(long answered, long failed, ShareLimit limit) {
    return limit.judge(
        NAME, GateResult.POOLED, "predictions failed", failed, answered, limit.sampleMin());
  }
}
