package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * The gates of a rollout.
 *
 * @param failures devices that fail the update
 * @param predictions predictions that fail
 * @param latency predictions over the profile's budget
 * @param feedback accuracy from actual outcomes
 */
public record GateSettings(
    ShareLimit failures, ShareLimit predictions, ShareLimit latency, FeedbackLimits feedback) {
  /**
   * At most 20 % of devices fail and 1 % of predictions fail: both required and rolled back; at
   * most 1 % of predictions over the latency budget: paused.
   */
  public static final GateSettings DEFAULTS =
      new GateSettings(
          new ShareLimit(.2, 3, true, GateAction.ROLLBACK),
          new ShareLimit(.01, 50, true, GateAction.ROLLBACK),
          new ShareLimit(.01, 200, false, GateAction.PAUSE),
          FeedbackLimits.DEFAULTS);

  /**
   * What was seen of one stage and of its controls.
   *
   * @param devices of the stages opened so far, by profile
   * @param answered predictions of the new version
   * @param failed of them, failed
   * @param latency bins by profile
   * @param feedback outcomes of the new version, one entry a device
   * @param controls outcomes of the old version at the same time, one entry a device
   * @param promise accuracy within a class that the evaluation promised
   */
  public record Evidence(
      Map<ProfileId, FailureGate.Devices> devices,
      long answered,
      long failed,
      Map<ProfileId, Latency> latency,
      Collection<DeviceFeedback> feedback,
      Collection<DeviceFeedback> controls,
      OptionalDouble promise) {
    public Evidence {
      devices = Map.copyOf(devices);
      latency = Map.copyOf(latency);
      feedback = List.copyOf(feedback);
      controls = List.copyOf(controls);
    }
  }

  /**
   * Latency bins of one profile.
   *
   * @param newer counts of the new version
   * @param older counts of the old version at the same time
   * @param budget the profile's; empty when it has none
   */
  public record Latency(List<Long> newer, List<Long> older, Optional<Duration> budget) {
    public Latency {
      newer = List.copyOf(newer);
      older = List.copyOf(older);
    }
  }

  /** The verdict of every gate, in a fixed order. */
  public List<GateResult> judge(Evidence evidence) {
    List<GateResult> results = new ArrayList<>(FailureGate.judge(evidence.devices(), failures));
    results.add(PredictionGate.judge(evidence.answered(), evidence.failed(), predictions));
    Map<String, ProfileId> ordered = new TreeMap<>();
    evidence.latency().keySet().forEach(profile -> ordered.put(profile.value(), profile));
    for (ProfileId profile : ordered.values()) {
      Latency bins = evidence.latency().get(profile);
      if (bins != null && bins.budget().isPresent()) {
        results.add(
            LatencyGate.judge(
                profile, array(bins.newer()), array(bins.older()), bins.budget().get(), latency));
      }
    }
    results.add(
        FeedbackGate.judge(evidence.feedback(), evidence.controls(), evidence.promise(), feedback));
    return results;
  }

  private static long[] array(List<Long> counts) {
    return counts.stream().mapToLong(Long::longValue).toArray();
  }
}
