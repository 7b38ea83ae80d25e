package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Devices that did not get to run the new version, of those that reached an end.
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
   */
  public record Devices(long members, long ended, long failed) {}

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
    long members = byProfile.values().stream().mapToLong(Devices::members).sum();
    long ended = byProfile.values().stream().mapToLong(Devices::ended).sum();
    long failed = byProfile.values().stream().mapToLong(Devices::failed).sum();
    long sample = Math.max(1, Math.min(limit.sampleMin(), members));
    String what = "devices failed the update";
    results.add(limit.judge(NAME, all, what, failed, ended, sample));
    Map<String, Devices> ordered = new TreeMap<>();
    byProfile.forEach((profile, devices) -> ordered.put(profile.value(), devices));
    ordered.forEach(
        (profile, devices) -> {
          if (devices.ended() >= PROFILE_SAMPLE_MIN) {
            results.add(
                limit.judge(
                    NAME,
                    each + profile,
                    what,
                    devices.failed(),
                    devices.ended(),
                    PROFILE_SAMPLE_MIN));
          }
        });
    return results;
  }
}
