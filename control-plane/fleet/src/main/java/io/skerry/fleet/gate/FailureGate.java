package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Devices that did not get to run the new version, of those that reached an end.
 *
 * <p>Who fails does so in seconds, and who succeeds after minutes: harm is shown only if the share
 * is too high whatever becomes of those that are under way. One that hangs fails by its deadline.
 *
 * <p>A profile is judged by itself once it has {@link #PROFILE_SAMPLE_MIN} devices at an end; the
 * pooled stage is always judged. Devices that were never reached do not dilute the share.
 */
public final class FailureGate {
  /** Devices of one profile before it is judged by itself. */
  public static final long PROFILE_SAMPLE_MIN = 5;

  static final String NAME = "device-failures";

  private FailureGate() {}

  /**
   * Devices of one profile in the stage.
   *
   * @param members of this profile in the stage
   * @param ended committed or failed in any way
   * @param failed of them, failed, rejected or rolled back
   * @param underWay online, and not at an end yet; none by the rules of before
   */
  public record Devices(long members, long ended, long failed, long underWay) {
    /** Of the same profile. */
    public Devices plus(Devices more) {
      return new Devices(
          members + more.members,
          ended + more.ended,
          failed + more.failed,
          underWay + more.underWay);
    }
  }

  /** The pooled verdict, then one for each profile that has its sample. */
  public static List<GateResult> judge(Map<ProfileId, Devices> byProfile, ShareLimit limit) {
    return judge(byProfile, limit, GateResult.POOLED, "");
  }

  /**
   * The same of the open stage's own devices, which those of earlier stages would dilute; nothing
   * without devices.
   */
  static List<GateResult> judgeStage(Map<ProfileId, Devices> byProfile, ShareLimit limit) {
    return byProfile.isEmpty()
        ? List.of()
        : judge(byProfile, limit, GateResult.STAGE, GateResult.STAGE + " ");
  }

  /**
   * The same verdict; of few devices of a later stage it may stop the rollout, but what it leaves
   * open holds nothing back: one of three is more than most limits allow, and says little.
   */
  public static GateResult withoutWaitingForFew(GateResult result) {
    boolean few =
        result.gate().equals(NAME)
            && result.scope().equals(GateResult.STAGE)
            && result.numbers().getOrDefault("trials", 0.0) < PROFILE_SAMPLE_MIN;
    return few
        ? new GateResult(
            result.gate(),
            result.scope(),
            result.verdict(),
            result.reason(),
            false,
            result.action(),
            result.numbers())
        : result;
  }

  private static List<GateResult> judge(
      Map<ProfileId, Devices> byProfile, ShareLimit limit, String all, String each) {
    List<GateResult> results = new ArrayList<>();
    Devices pooled = byProfile.values().stream().reduce(new Devices(0, 0, 0, 0), Devices::plus);
    results.add(
        judge(all, pooled, limit, Math.max(1, Math.min(limit.sampleMin(), pooled.members()))));
    Map<String, Devices> ordered = new TreeMap<>();
    byProfile.forEach((profile, devices) -> ordered.put(profile.value(), devices));
    ordered.forEach(
        (profile, devices) -> {
          if (devices.ended() >= PROFILE_SAMPLE_MIN) {
            results.add(judge(each + profile, devices, limit, PROFILE_SAMPLE_MIN));
          }
        });
    return results;
  }

  private static GateResult judge(String scope, Devices devices, ShareLimit limit, long sample) {
    return limit.judge(
        NAME,
        scope,
        "devices failed the update",
        devices.failed(),
        devices.ended(),
        devices.underWay(),
        sample);
  }
}
