package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership.Boundary;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.telemetry.sketch.WindowSketch;
import java.time.Duration;
import java.time.Instant;
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
  final List<RolloutPart> parts;
  final long version;
  final RolloutPlan plan;
  final Duration window;
  final List<List<Candidate>> stages;
  final List<Boundary> boundaries;
  final String holdbackAbove;
  final Map<DeviceId, String> outsiders = new HashMap<>();
  final Map<DeviceId, Deployment> deployments = new LinkedHashMap<>();
  // Of each part.
  final List<Map<ProfileId, Integer>> edges = new ArrayList<>();
  Optional<Lease> lease = Optional.empty();
  RolloutState state;
  long openedAt;
  // A newer rollout has its place: nobody catches up with it any more.
  boolean released;
  // A trial that was good: the version is the active one, where it is offered.
  boolean promoted;
  private @Nullable List<Deployment> late;
  final Looked looked = new Looked();
  private final List<Decision> decisions = new ArrayList<>();

  /** One device's part. */
  static final class Deployment {
    final DeviceId device;
    final String rank;
    // Of each part of the rollout.
    final List<Place> places;
    int stage;
    ProfileId profile;
    boolean opened;
    boolean hasOrder;
    DeploymentState state = DeploymentState.PENDING;
    // Why it has left its stage.
    String reason = "";
    long orderedAt;
    long stepAt;
    // 0 also when nobody knows.
    long awaySince;

    Deployment(int stage, DeviceId device, String rank, ProfileId profile, List<Place> places) {
      this.stage = stage;
      this.device = device;
      this.rank = rank;
      this.profile = profile;
      this.places = places;
    }

    boolean isLate() {
      return isWaiting() || state.isInFlight();
    }

    boolean isWaiting() {
      return state == DeploymentState.DEFERRED || state == DeploymentState.PENDING;
    }

    /** Whether it was ever given an order. */
    boolean wasOrdered() {
      return places.getFirst().revision > 0;
    }

    boolean hadItsTurn() {
      return wasOrdered() || state == DeploymentState.ALREADY_INSTALLED;
    }

    /** Whether it ran something else before, in any of the rollout's slots. */
    boolean isReplacing() {
      for (int i = 0; i < places.size(); i++) {
        if (places.get(i).previous != null) {
          return true;
        }
      }
      return false;
    }
  }

  /** Where one part of the rollout lives on a device. */
  static final class Place {
    SlotId slot;
    final Seen newer = new Seen();
    final Seen older = new Seen();
    Releases.@Nullable Variant ordered;
    Releases.@Nullable Variant previous;
    // Of the last order; 0 when there was none.
    long revision;

    Place(SlotId slot) {
      this.slot = slot;
    }

    Digest ordered() {
      Releases.Variant last = ordered;
      if (last == null) {
        throw new IllegalStateException("nothing was ordered for " + slot);
      }
      return last.manifest();
    }
  }

  /** What was seen of one version on one device since the stage opened. */
  static final class Seen {
    long windows;
    long restarts;
    private long bootEpoch;
    long predictions;
    long failed;
    long negatives;
    long negativesRight;
    long positives;
    long positivesRight;
    final long[] latency = new long[WindowSketch.LATENCY_BINS];

    /** Counts a window of this boot epoch: the first that is known of a device is no restart. */
    void countBoot(long epoch) {
      windows++;
      restarts += bootEpoch > 0 && epoch > bootEpoch ? 1 : 0;
      bootEpoch = Math.max(bootEpoch, epoch);
    }

    void clear() {
      windows = 0;
      restarts = 0;
      bootEpoch = 0;
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

  Rollout(
      RolloutId id,
      List<RolloutPart> parts,
      RolloutPlan plan,
      Duration window,
      Membership membership) {
    this.id = id;
    this.parts = List.copyOf(parts);
    this.version = parts.getFirst().version().version();
    this.plan = plan;
    this.window = window;
    this.stages = membership.stages();
    this.boundaries = membership.boundaries();
    this.holdbackAbove = membership.holdbackAbove();
    this.state = RolloutState.ready(plan);
  }

  /** Remembers what was decided, and from what. */
  void decided(RolloutEvent event, RolloutState after, Instant now) {
    if (!after.equals(state)) {
      decisions.add(new Decision(event, now, after));
    }
    state = after;
  }

  /** Where the same events at the same times lead elsewhere, in words. */
  Optional<String> firstOtherwise() {
    RolloutState again = RolloutState.ready(plan);
    for (Decision decision : decisions) {
      again = RolloutMachine.step(plan, again, decision.event(), decision.at()).state();
      if (!again.equals(decision.after())) {
        return Optional.of(
            "%s decided %s at %s, and decides %s again"
                .formatted(id, decision.after(), decision.at(), again));
      }
    }
    return Optional.empty();
  }

  /** Whether several models go together. */
  boolean isUnit() {
    return parts.size() > 1;
  }

  /** Whether the version is beside another one that stays active. */
  boolean isTrial() {
    return plan.kind().isTrial() && !promoted;
  }

  /** The slot that tells of its devices: the first part's. */
  SlotId place() {
    return parts.getFirst().place(plan.kind());
  }

  /** Whether this order brings what the rollout brings to that slot. */
  boolean isBroughtBy(DesiredSlot order) {
    return order.rollout().filter(id::equals).isPresent()
        && !(order.mode() instanceof SlotMode.Off)
        && order.version().equals(parts.getFirst().version());
  }

  /** Whether the device was ever given an order by this rollout. */
  boolean isTouched(DeviceId device) {
    Deployment deployment = deployments.get(device);
    return deployment != null && deployment.state.isTouched();
  }

  private record Decision(RolloutEvent event, Instant at, RolloutState after) {}

  /** Whether devices still go on to its version. */
  boolean isGoingOn() {
    return !released
        && (state.phase() instanceof RolloutPhase.Running
            || state.phase() instanceof RolloutPhase.Paused
            // Nobody gets what was tried and dropped.
            || (state.phase() instanceof RolloutPhase.Succeeded && !isTrial()));
  }

  /** Whether it has succeeded, and devices that come later get its version still. */
  boolean isJoinedAfterItsEnd() {
    return !released
        && state.phase() instanceof RolloutPhase.Succeeded
        && RolloutMachine.joinedThrough(plan, state).isPresent();
  }

  /** Others have come. */
  void joined() {
    late = null;
  }

  /** Whether anything of it can still move: also those that were late, once they are back. */
  boolean isFollowed(Predicate<DeviceId> online) {
    if (!state.phase().isTerminal()) {
      return true;
    }
    // Nobody gets what was tried and dropped.
    if (released || isTrial() || !(state.phase() instanceof RolloutPhase.Succeeded)) {
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
    if (!isUnit()) {
      return evidence(0);
    }
    Map<SlotId, Evidence> seen = new LinkedHashMap<>();
    for (int part = 0; part < parts.size(); part++) {
      boolean first = !isTrial() && !isReplaced(part);
      seen.put(parts.get(part).slot(), first ? evidence(part).asFirst() : evidence(part));
    }
    return Evidence.of(seen);
  }

  private boolean isReplaced(int part) {
    return deployments.values().stream().anyMatch(one -> one.places.get(part).previous != null);
  }

  private Evidence evidence(int part) {
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
        profiles.put(
            profile, new Evidence.OfProfile(new Arms(of, part, one -> true).metrics(profile)));
        if (open > 0) {
          alone.put(
              profile,
              new Evidence.OfProfile(
                  new Arms(of, part, one -> one.stage == open).metrics(profile)));
        }
      }
    }
    return new Evidence(profiles, alone, OptionalDouble.of(.8));
  }

  /** The new and the old version of one part on devices that are alike. */
  private final class Arms {
    private final List<Deployment> of;
    private final int part;
    private final Predicate<Deployment> judged;

    Arms(List<Deployment> of, int part, Predicate<Deployment> judged) {
      this.of = of;
      this.part = part;
      this.judged = judged;
    }

    Map<Metric, Comparison> metrics(ProfileId profile) {
      Map<Metric, Comparison> metrics = new EnumMap<>(Metric.class);
      metrics.put(
          Metric.FAILED_PREDICTIONS,
          compared(seen -> (double) seen.predictions, seen -> (double) seen.failed));
      metrics.put(
          Metric.RESTARTS, compared(seen -> (double) seen.windows, seen -> (double) seen.restarts));
      Integer edge = edges.isEmpty() ? null : edges.get(part).get(profile);
      if (edge != null) {
        metrics.put(
            Metric.SLOW_PREDICTIONS, compared(Seen::measured, seen -> seen.slowerThan(edge)));
      }
      metrics.put(
          Metric.ACCURACY,
          compared(
              seen -> (double) (seen.negatives + seen.positives),
              seen -> (double) (seen.negativesRight + seen.positivesRight)));
      metrics.put(
          Metric.ACCURACY_NEGATIVE,
          compared(seen -> (double) seen.negatives, seen -> (double) seen.negativesRight));
      metrics.put(
          Metric.ACCURACY_POSITIVE,
          compared(seen -> (double) seen.positives, seen -> (double) seen.positivesRight));
      return metrics;
    }

    private Comparison compared(ToDoubleFunction<Seen> trials, ToDoubleFunction<Seen> hits) {
      ArmSums newer = ArmSums.NONE;
      ArmSums older = ArmSums.NONE;
      for (Deployment one : of) {
        Place place = one.places.get(part);
        boolean counts = judged.test(one);
        if (counts) {
          newer = newer.plus(trials.applyAsDouble(place.newer), hits.applyAsDouble(place.newer));
        }
        // On trial a device is its own control; otherwise everybody's are those not touched yet.
        if (counts || !isTrial()) {
          older = older.plus(trials.applyAsDouble(place.older), hits.applyAsDouble(place.older));
        }
      }
      return new Comparison(newer, older);
    }
  }
}
