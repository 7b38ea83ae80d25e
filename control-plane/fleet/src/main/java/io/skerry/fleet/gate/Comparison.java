package io.skerry.fleet.gate;

import java.util.List;

/**
 * One metric on one hardware profile, over the same span of time.
 *
 * @param newer of the new version
 * @param older of the version before, on concurrent control devices
 */
public record Comparison(ArmSums newer, ArmSums older) {
  /** Nothing was seen. */
  public static final Comparison NONE = new Comparison(ArmSums.NONE, ArmSums.NONE);

  /**
   * Several profiles as one stratum (Cochran 1977, 5A.12): the old version's devices are weighed as
   * the new version's trials are spread over the profiles, so that the difference of shares is the
   * weighted mean of the profiles' differences. Its variance counts how much profiles differ as if
   * devices did, and so is too large rather than too small.
   *
   * @param profiles each with controls, or none
   */
  static Comparison collapsed(List<Comparison> profiles) {
    ArmSums newer = profiles.stream().map(Comparison::newer).reduce(ArmSums.NONE, ArmSums::plus);
    if (profiles.stream().noneMatch(Comparison::hasControls)) {
      return new Comparison(newer, ArmSums.NONE);
    }
    double variance = 0;
    for (Comparison one : profiles) {
      double share = one.newer.trials() / newer.trials();
      variance += share * share / one.older.trials();
    }
    // As many trials in all as would know the weighted share as well.
    ArmSums older = ArmSums.NONE;
    for (Comparison one : profiles) {
      double share = one.newer.trials() / newer.trials();
      older = older.plus(one.older.times(share / one.older.trials() / variance));
    }
    return new Comparison(newer, older);
  }

  boolean hasControls() {
    return older.devices() > 0;
  }
}
