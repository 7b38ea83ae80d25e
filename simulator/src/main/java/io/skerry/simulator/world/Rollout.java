package io.skerry.simulator.world;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership;
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
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;
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
  // Of those that have no deployment: it is asked every minute whether a stage takes them.
  private final Map<DeviceId, String> ranks = new HashMap<>();
  // What each of its versions is packaged for.
  final Set<ProfileId> profiles;
  StageArms arms;
  Optional<Lease> lease = Optional.empty();
  RolloutState state;
  private final RolloutState first;
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
    // It was not at an end when the rollout succeeded, or was ordered the version since.
    boolean afterSuccess;
    DeploymentState state = DeploymentState.PENDING;
    // Why it has left its stage.
    String reason = "";
    long orderedAt;
    long stepAt;
    // 0 also when nobody knows.
    long awaySince;
    // How often it was ordered back again, and when it is next.
    int restores;
    long againAt = Long.MAX_VALUE;

    Deployment(int stage, DeviceId device, String rank, ProfileId profile, List<Place> places) {
      this.stage = stage;
      this.device = device;
      this.rank = rank;
      this.profile = profile;
      this.places = places;
    }

    void couldNotGoBack(RolloutPlan.Deadlines deadlines, long now) {
      state = DeploymentState.RESTORE_FAILED;
      againAt =
          deadlines
              .restoreAgain(restores)
              .map(pause -> now + pause.toMillis())
              .orElse(Long.MAX_VALUE);
    }

    boolean isLate() {
      return isWaiting() || state == DeploymentState.NOT_REACHED || state.isInFlight();
    }

    boolean isGoingBack() {
      return state == DeploymentState.RESTORING
          || (state == DeploymentState.RESTORE_FAILED && againAt < Long.MAX_VALUE);
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

  Rollout(
      RolloutId id,
      List<RolloutPart> parts,
      RolloutPlan plan,
      Duration window,
      Set<ProfileId> profiles,
      Membership membership,
      RolloutState first) {
    this.id = id;
    this.parts = List.copyOf(parts);
    this.version = parts.getFirst().version().version();
    this.plan = plan;
    this.window = window;
    this.profiles = Set.copyOf(profiles);
    this.arms = new StageArms(plan.kind().isTrial());
    this.stages = membership.stages();
    this.boundaries = membership.boundaries();
    this.holdbackAbove = membership.holdbackAbove();
    this.first = first;
    this.state = first;
  }

  /** Remembers what was decided, and from what. */
  void decided(RolloutEvent event, RolloutState after, Instant now) {
    if (!after.equals(state)) {
      decisions.add(new Decision(event, now, after));
    }
    state = after;
  }

  /** Whether a trial succeeded after this time, and takes over where it was tried. */
  boolean isPromotedSince(Instant time) {
    return promoted
        && state.phase() instanceof RolloutPhase.Succeeded
        && !decisions.isEmpty()
        && decisions.getLast().at().isAfter(time);
  }

  /** Where the same events at the same times lead elsewhere, in words. */
  Optional<String> firstOtherwise() {
    RolloutState again = first;
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

  /** A device's rank among all that the rollout is for. */
  String rank(DeviceId device) {
    Deployment one = deployments.get(device);
    return one != null
        ? one.rank
        : ranks.computeIfAbsent(device, other -> StageMembership.rank(other, id.value()));
  }

  /** Whether somebody has started it. */
  boolean hasBegun() {
    return !(state.phase() instanceof RolloutPhase.Draft
        || state.phase() instanceof RolloutPhase.WaitingForApproval
        || state.phase() instanceof RolloutPhase.Ready);
  }

  /** Whether several models go together. */
  boolean isUnit() {
    return parts.size() > 1;
  }

  /** Whether the version is beside another one that stays active. */
  boolean isTrial() {
    return plan.kind().isTrial() && !promoted;
  }

  /** Where a part lives by now. */
  SlotId slot(RolloutPart part) {
    return isTrial() ? part.place(plan.kind()) : part.slot();
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

  /** Whether it was rolled back, and devices that were away then still go back. */
  boolean isGoneBack() {
    return !released && state.phase() instanceof RolloutPhase.RolledBack;
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
    if (!hasBegun()) {
      return false;
    }
    if (!state.phase().isTerminal()) {
      return true;
    }
    if (isGoneBack()) {
      return deployments.values().stream()
          .anyMatch(one -> one.isGoingBack() && online.test(one.device));
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

  /** Whether this is the stage that is open. */
  boolean isOpen(int stage) {
    return RolloutMachine.openStage(state).equals(OptionalInt.of(stage));
  }

  /** What the gates judge. */
  Evidence evidence(Predicate<DeviceId> enrolled, Predicate<DeviceId> online) {
    int open = RolloutMachine.openStage(state).orElse(0);
    LostDevices lost = lost(open, enrolled, online);
    if (!isUnit()) {
      return arms.evidence(0, open, lost);
    }
    Map<SlotId, Evidence> seen = new LinkedHashMap<>();
    for (int part = 0; part < parts.size(); part++) {
      boolean first = !isTrial() && !isReplaced(part);
      // Of a unit, devices that are away are told of with its first part.
      Evidence evidence = arms.evidence(part, open, part == 0 ? lost : new LostDevices());
      seen.put(parts.get(part).slot(), first ? evidence.asFirst() : evidence);
    }
    return Evidence.of(seen);
  }

  // Who was there when the open stage ordered it the version, or told something since, and is away.
  private LostDevices lost(int open, Predicate<DeviceId> enrolled, Predicate<DeviceId> online) {
    LostDevices lost = new LostDevices();
    Set<DeviceId> told = arms.tellingOfNew();
    deployments.forEach(
        (device, one) -> {
          boolean ordered =
              one.state.isInFlight()
                  || one.state == DeploymentState.COMMITTED
                  // What failed the trial is no device of what is promoted.
                  || (one.state.isFailure() && one.wasOrdered())
                  || (one.state == DeploymentState.DEFERRED && one.hasOrder);
          boolean there = one.stage == open || told.contains(device);
          if (one.opened && ordered && there && enrolled.test(device)) {
            lost.ordered(one.profile, one.stage == open, !online.test(device));
          }
        });
    arms.controls()
        .forEach(
            (device, profile) -> {
              Deployment one = deployments.get(device);
              if ((one == null || !one.opened || one.stage > open) && enrolled.test(device)) {
                lost.control(profile, !online.test(device));
              }
            });
    return lost;
  }

  private boolean isReplaced(int part) {
    return deployments.values().stream().anyMatch(one -> one.places.get(part).previous != null);
  }
}
