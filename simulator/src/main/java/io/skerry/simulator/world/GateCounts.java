package io.skerry.simulator.world;

import io.skerry.fleet.gate.LatencyEdge;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What rollouts' gates judge, counted as windows and outcomes are stored. */
final class GateCounts {
  private final Function<DeviceId, Described> described;
  private final Map<RolloutId, Rollout> rollouts;
  private final Map<ProfileId, Map<ModelVersion, long[]>> latencies = new HashMap<>();

  /**
   * @param rollouts all of them, also those that come later
   */
  GateCounts(Function<DeviceId, Described> described, Map<RolloutId, Rollout> rollouts) {
    this.described = described;
    this.rollouts = rollouts;
  }

  // Before the stage has any evidence, so that what is then counted has no part in the choice.
  void fixEdges(Rollout rollout) {
    rollout.edges.clear();
    for (RolloutPart part : rollout.parts) {
      Map<ProfileId, Integer> edges = new HashMap<>();
      for (Hardware hardware : Hardware.values()) {
        LatencyEdge.of(older(part.version(), hardware), Optional.of(hardware.latencyBudget()))
            .ifPresent(edge -> edges.put(hardware.profile(), edge));
      }
      rollout.edges.add(edges);
    }
  }

  private List<Long> older(ModelVersion version, Hardware hardware) {
    List<Long> older = new ArrayList<>();
    for (int bin = 0; bin < WindowSketch.LATENCY_BINS; bin++) {
      long sum = 0;
      for (Map.Entry<ModelVersion, long[]> of :
          latencies.getOrDefault(hardware.profile(), Map.of()).entrySet()) {
        boolean other = !of.getKey().equals(version) && of.getKey().model().equals(version.model());
        sum += other ? of.getValue()[bin] : 0;
      }
      older.add(sum);
    }
    return older;
  }

  /** Counts a stored window for the gates. */
  void counted(DeviceId device, long epoch, Window window, WindowCounts counts) {
    int stream = counts.layout().indexOf(MonitoringPlan.LATENCY);
    ModelRef model = window.getModel();
    described
        .apply(device)
        .profile()
        .ifPresent(
            profile ->
                add(
                    counts,
                    stream,
                    latencies
                        .computeIfAbsent(profile, key -> new HashMap<>())
                        .computeIfAbsent(
                            version(model), key -> new long[WindowSketch.LATENCY_BINS])));
    for (Rollout rollout : rollouts.values()) {
      Rollout.Seen seen = arm(rollout, device, model, window.getStartMillis());
      if (seen != null) {
        seen.countBoot(epoch);
        seen.predictions += window.getPredictions();
        seen.failed += window.getPredictionsFailed();
        add(counts, stream, seen.latency);
      }
    }
  }

  private static ModelVersion version(ModelRef model) {
    return new ModelVersion(new ModelName(model.getModel()), model.getVersion());
  }

  // Controls are devices that were not touched yet; of a trial, the version beside it.
  private static Rollout.@Nullable Seen arm(
      Rollout rollout, DeviceId device, ModelRef model, long atMillis) {
    Rollout.Deployment one = rollout.deployments.get(device);
    if (one == null || rollout.state.phase().isTerminal() || atMillis < rollout.openedAt) {
      return null;
    }
    for (int i = 0; i < rollout.parts.size(); i++) {
      RolloutPart part = rollout.parts.get(i);
      Rollout.Place place = one.places.get(i);
      boolean ownPlace = model.getSlot().equals(place.slot.value());
      if (!ownPlace && !model.getSlot().equals(part.slot().value())) {
        continue;
      }
      boolean newer = model.getVersion() == part.version().version();
      if (rollout.isTrial()) {
        boolean counts =
            ownPlace
                ? newer && one.state.isEvidence()
                : !newer && one.state == DeploymentState.COMMITTED;
        return counts ? (newer ? place.newer : place.older) : null;
      }
      boolean counts = newer ? one.state.isEvidence() : one.state.isControl();
      return counts ? (newer ? place.newer : place.older) : null;
    }
    return null;
  }

  private static void add(WindowCounts counts, int stream, long[] to) {
    for (int bin = 0; bin < to.length; bin++) {
      to[bin] += counts.count(stream, bin);
    }
  }

  /** Counts a stored outcome for the gates. */
  void counted(DeviceId device, Feedback outcome) {
    if (!outcome.getJoined()) {
      return;
    }
    boolean positive = outcome.getActual() >= .5;
    boolean right = outcome.getScore() >= .5 == positive;
    for (Rollout rollout : rollouts.values()) {
      Rollout.Seen seen = arm(rollout, device, outcome.getModel(), outcome.getPredictedAtMillis());
      if (seen == null) {
        continue;
      }
      if (positive) {
        seen.positives++;
        seen.positivesRight += right ? 1 : 0;
      } else {
        seen.negatives++;
        seen.negativesRight += right ? 1 : 0;
      }
    }
  }
}
