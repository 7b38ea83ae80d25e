package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership.Boundary;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.telemetry.sketch.WindowSketch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** A rollout's rows, and what its gates judge, counted as windows and outcomes are stored. */
final class Rollout {
  final RolloutId id;
  final long version;
  final RolloutPlan plan;
  final Duration window;
  final List<List<Candidate>> stages;
  final List<Boundary> boundaries;
  final String holdbackAbove;
  final Map<DeviceId, String> outsiders = new HashMap<>();
  final Map<DeviceId, Deployment> deployments = new LinkedHashMap<>();
  final Map<ProfileId, Integer> edges = new HashMap<>();
  Optional<Lease> lease = Optional.empty();
  RolloutState state;
  long openedAt;
  // A newer rollout has its place: nobody catches up with it any more.
  boolean released;
  private @Nullable List<Deployment> late;

  /** One device's part. */
  static final class Deployment {
    final DeviceId device;
    final String rank;
    final Seen newer = new Seen();
    final Seen older = new Seen();
    int stage;
    ProfileId profile;
    boolean opened;
    boolean hasOrder;
    DeploymentState state = DeploymentState.PENDING;
    // Why it has left its stage.
    String reason = "";
    Releases.@Nullable Variant ordered;
    Releases.@Nullable Variant previous;
    long orderedAt;
    long stepAt;
    // 0 also when nobody knows.
    long awaySince;
    long revision;

    Deployment(int stage, DeviceId device, String rank, ProfileId profile) {
      this.stage = stage;
      this.device = device;
      this.rank = rank;
      this.profile = profile;
    }

    boolean isLate() {
      return state == DeploymentState.DEFERRED
          || state == DeploymentState.PENDING
          || state.isInFlight();
    }

    Digest ordered() {
      Releases.Variant last = ordered;
      if (last == null) {
        throw new IllegalStateException(device + " was ordered nothing");
      }
      return last.manifest();
    }
  }

  /** What was seen of one version on one device since the stage opened. */
  static final class Seen {
    long predictions;
    long failed;
    long negatives;
    long negativesRight;
    long positives;
    long positivesRight;
    final long[] latency = new long[WindowSketch.LATENCY_BINS];

    void clear() {
      predictions = 0;
      failed = 0;
      negatives = 0;
      negativesRight = 0;
      positives = 0;
      positivesRight = 0;
      Arrays.fill(latency, 0);
    }

    double measured() {
      double sum = 0;
      for (long count : latency) {
        sum += count;
      }
      return sum;
    }

    double slowerThan(int edge) {
      double sum = 0;
      for (int bin = edge; bin < latency.length; bin++) {
        sum += latency[bin];
      }
      return sum;
    }
  }

  Rollout(RolloutId id, long version, RolloutPlan plan, Duration window, Membership membership) {
    this.id = id;
    this.version = version;
    this.plan = plan;
    this.window = window;
    this.stages = membership.stages();
    this.boundaries = membership.boundaries();
    this.holdbackAbove = membership.holdbackAbove();
    this.state = RolloutState.ready(plan);
  }

  /** Whether the device was ever given an order by this rollout. */
  boolean isTouched(DeviceId device) {
    Deployment deployment = deployments.get(device);
    return deployment != null && deployment.state.isTouched();
  }

  /** Whether anything of it can still move: also those that were late, once they are back. */
  boolean isFollowed(Predicate<DeviceId> online) {
    if (!state.phase().isTerminal()) {
      return true;
    }
    if (released || !(state.phase() instanceof RolloutPhase.Succeeded)) {
      return false;
    }
    if (late == null) {
      late = new ArrayList<>(deployments.values());
    }
    late.removeIf(one -> !one.isLate());
    return late.stream().anyMatch(one -> online.test(one.device));
  }

  /** What the gates judge. */
  Evidence evidence() {
    Map<ProfileId, Evidence.OfProfile> profiles = new LinkedHashMap<>();
    Map<ProfileId, Evidence.OfProfile> alone = new LinkedHashMap<>();
    int open = RolloutMachine.openStage(state).orElse(0);
    for (Hardware hardware : Hardware.values()) {
      List<Deployment> of = new ArrayList<>();
      for (Deployment one : deployments.values()) {
        if (one.profile.equals(hardware.profile())) {
          of.add(one);
        }
      }
      if (!of.isEmpty()) {
        ProfileId profile = hardware.profile();
        profiles.put(profile, new Evidence.OfProfile(metrics(of, profile, one -> true)));
        if (open > 0) {
          alone.put(
              profile, new Evidence.OfProfile(metrics(of, profile, one -> one.stage == open)));
        }
      }
    }
    return new Evidence(profiles, alone, OptionalDouble.of(.8));
  }

  private Map<Metric, Comparison> metrics(
      List<Deployment> of, ProfileId profile, Predicate<Deployment> judged) {
    Map<Metric, Comparison> metrics = new EnumMap<>(Metric.class);
    metrics.put(
        Metric.FAILED_PREDICTIONS,
        compared(of, judged, seen -> (double) seen.predictions, seen -> (double) seen.failed));
    Integer edge = edges.get(profile);
    if (edge != null) {
      metrics.put(
          Metric.SLOW_PREDICTIONS,
          compared(of, judged, Seen::measured, seen -> seen.slowerThan(edge)));
    }
    metrics.put(
        Metric.ACCURACY,
        compared(
            of,
            judged,
            seen -> (double) (seen.negatives + seen.positives),
            seen -> (double) (seen.negativesRight + seen.positivesRight)));
    metrics.put(
        Metric.ACCURACY_NEGATIVE,
        compared(
            of, judged, seen -> (double) seen.negatives, seen -> (double) seen.negativesRight));
    metrics.put(
        Metric.ACCURACY_POSITIVE,
        compared(
            of, judged, seen -> (double) seen.positives, seen -> (double) seen.positivesRight));
    return metrics;
  }

  private static Comparison compared(
      List<Deployment> of,
      Predicate<Deployment> judged,
      ToDoubleFunction<Seen> trials,
      ToDoubleFunction<Seen> hits) {
    ArmSums newer = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (Deployment one : of) {
      if (judged.test(one)) {
        newer = newer.plus(trials.applyAsDouble(one.newer), hits.applyAsDouble(one.newer));
      }
      older = older.plus(trials.applyAsDouble(one.older), hits.applyAsDouble(one.older));
    }
    return new Comparison(newer, older);
  }
}
