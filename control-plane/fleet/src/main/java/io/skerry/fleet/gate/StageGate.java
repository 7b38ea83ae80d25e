package io.skerry.fleet.gate;

import java.util.List;

/** What is asked of the devices of a later stage by themselves. */
final class StageGate {
  /** Fewer devices can stop a rollout, but hold nothing back. */
  static final long DEVICES_MIN = SequentialGate.PROFILE_DEVICES_MIN;

  private StageGate() {}

  /**
   * The same gates for a stage that is smaller than the first: such a proof may be beyond it, and
   * those before it gave one.
   */
  static List<GateSpec> withoutProof(List<GateSpec> specs) {
    return specs.stream().map(GateSpec::withoutProof).toList();
  }

  /**
   * A verdict of the stage's own devices under their scope.
   *
   * @param proves whether the stage is large enough for the proof that the first one gave
   * @param few whether it has fewer than {@link #DEVICES_MIN} devices
   */
  static GateResult ofStage(GateResult result, boolean proves, boolean few) {
    boolean silent = result.verdict() == Verdict.NO_DATA;
    boolean waits = !few && (proves || !silent || isEssential(result));
    return new GateResult(
        result.gate(),
        result.scope().equals(GateResult.POOLED)
            ? GateResult.STAGE
            : GateResult.STAGE + " " + result.scope(),
        result.verdict(),
        result.reason(),
        result.required() && waits,
        result.action(),
        result.numbers());
  }

  private static boolean isEssential(GateResult result) {
    return Metric.ofWireName(result.gate()).filter(Metric::isEssential).isPresent();
  }
}
