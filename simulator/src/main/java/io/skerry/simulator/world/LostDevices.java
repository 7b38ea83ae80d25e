package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.protocol.ProfileId;
import java.util.LinkedHashMap;
import java.util.Map;

/** Devices that were there, and those of them that are away. */
final class LostDevices {
  private final Map<ProfileId, Comparison> all = new LinkedHashMap<>();
  private final Map<ProfileId, Comparison> alone = new LinkedHashMap<>();

  /**
   * One that was ordered the version.
   *
   * @param own whether it is of the open stage
   */
  void ordered(ProfileId profile, boolean own, boolean away) {
    Comparison one = new Comparison(device(away), ArmSums.NONE);
    add(all, profile, one);
    if (own) {
      add(alone, profile, one);
    }
  }

  /** One of no open stage that told something. */
  void control(ProfileId profile, boolean away) {
    Comparison one = new Comparison(ArmSums.NONE, device(away));
    add(all, profile, one);
    add(alone, profile, one);
  }

  private static ArmSums device(boolean away) {
    return ArmSums.ofDevices(1, away ? 1 : 0);
  }

  private static void add(Map<ProfileId, Comparison> to, ProfileId profile, Comparison one) {
    to.merge(
        profile,
        one,
        (left, right) ->
            new Comparison(left.newer().plus(right.newer()), left.older().plus(right.older())));
  }

  /** Of all stages. */
  Map<ProfileId, Comparison> all() {
    return all;
  }

  /** Of the open one. */
  Map<ProfileId, Comparison> alone() {
    return alone;
  }
}
