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
        scope(result.scope()),
        result.verdict(),
        result.reason(),
        result.required() && waits,
        result.action(),
        result.numbers());
  }

  /** Where a verdict of all devices would have this scope, that of the stage's own. */
  static String scope(String ofAll) {
    return ofAll.equals(GateResult.POOLED) ? GateResult.STAGE : GateResult.STAGE + " " + ofAll;
  }

  /** What such a verdict can see, with what is asked of it; the arguments as above. */
  static Outlook ofStage(Outlook outlook, boolean proves, boolean few) {
    boolean ofDevices = outlook.gate().equals(FailureGate.NAME);
    return few
        ? outlook.with("; so few devices of a later stage can stop it, but hold nothing back")
        : proves || ofDevices
            ? outlook
            : outlook.with("; harm shown or likely stops or holds a stage smaller than the first");
  }

  private static boolean isEssential(GateResult result) {
    return Metric.ofWireName(result.gate()).filter(Metric::isEssential).isPresent();
  }
}
