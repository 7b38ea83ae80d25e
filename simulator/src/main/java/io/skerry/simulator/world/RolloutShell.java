package io.skerry.simulator.world;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.GateSpec;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentMachine;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Eligibility;
import io.skerry.fleet.rollout.FencedOutException;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.UnitName;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.Window;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The books of rollouts in memory, around the real machine, driver, gates, leases and stages. */
final class RolloutShell implements RolloutBooks {
  static final SlotId SLOT = new SlotId("main");

  /** Of a fleet that rolls units out: the slot of the second model. */
  static final SlotId SECOND_SLOT = new SlotId("second");

  // What every release is packaged for.
  private static final String ENGINE = "onnxruntime";
  private static final Comparator<Rollout.Deployment> IN_ORDER =
      Comparator.comparingInt((Rollout.Deployment one) -> one.stage).thenComparing(one -> one.rank);
  static final URI ARTIFACTS = URI.create("https://artifacts.test");

  // A few dozen devices cannot rule harm out within a day or two: a stage passes once its sample is
  // there and no harm is shown. All else is as by default.
  private static final GateSettings SMALL_FLEET =
      new GateSettings(
          GateSettings.DEFAULTS.failures(),
          GateSettings.DEFAULTS.metrics().stream()
              .map(
                  spec ->
                      new GateSpec(
                          spec.metric(),
                          spec.tolerance(),
                          spec.limit(),
                          GateSpec.Promote.NO_HARM_SHOWN,
                          spec.action(),
                          spec.trialsMin()))
              .toList());

  private final MemoryStore store;
  private final Releases releases;
  private final Function<DeviceId, Described> described;
  private final SamplingRates sampling;
  private final Map<RolloutId, Rollout> rollouts = new LinkedHashMap<>();
  private final GateCounts gates;
  private int made;
  // When any replica heard devices last.
  private long heardAt;
  // Of rollouts and of what their gates see; with those of the store, of all that decides.
  private long changes;
  private long activeAt = -1;
  private boolean active;

  RolloutShell(
      MemoryStore store,
      Releases releases,
      Function<DeviceId, Described> described,
      SamplingRates sampling) {
    this.store = store;
    this.releases = releases;
    this.described = described;
    this.gates = new GateCounts(store, releases, described, rollouts);
    this.sampling = sampling;
  }

  /**
   * What an operator writes down.
   *
   * @param parts several make a unit
   * @param percents of the stages, cumulative
   * @param dynamic whether devices that come later join
   */
  record Wish(
      RolloutKind kind,
      List<RolloutPart> parts,
      List<Integer> percents,
      boolean dynamic,
      Duration window,
      Duration soak) {
    Wish {
      parts = List.copyOf(parts);
      percents = List.copyOf(percents);
    }
  }

  /** Begins a rollout to every device; one that is under way is superseded. */
  Rollout start(Wish wish, GateAction failedDevices, Instant now) {
    return start(wish, SMALL_FLEET.with(SMALL_FLEET.failures().doing(failedDevices)), now);
  }

  /** The same with the gates that nobody set. */
  Rollout startByDefault(Wish wish, Instant now) {
    return start(wish, GateSettings.DEFAULTS, now);
  }

  private Rollout start(Wish wish, GateSettings gates, Instant now) {
    return start(wish.parts(), plan(wish, gates), wish.window(), now);
  }

  private static RolloutPlan plan(Wish wish, GateSettings gates) {
    RolloutPlan bare =
        RolloutPlan.ofPercents(
            wish.percents(),
            wish.soak(),
            new RolloutPlan.Deadlines(
                Duration.ofMinutes(30),
                Duration.ofHours(1),
                Duration.ofHours(2),
                wish.soak().multipliedBy(12).plusHours(1)));
    return new RolloutPlan(
        wish.kind(),
        bare.stages(),
        bare.limits(),
        wish.dynamic(),
        bare.soak(),
        bare.deadlines(),
        bare.approval(),
        gates);
  }

  /** Begins a rollout by a plan to every device that can run the version. */
  Rollout start(long version, RolloutPlan plan, Duration window, Instant now) {
    RolloutPart part = new RolloutPart(SLOT, new ModelVersion(Releases.MODEL, version));
    return start(List.of(part), plan, window, now);
  }

  Rollout start(List<RolloutPart> parts, RolloutPlan plan, Duration window, Instant now) {
    Rollout rollout = written(parts, plan, window, RolloutState.ready(plan));
    apply(rollout, new RolloutEvent.Start(), now);
    return rollout;
  }

  /** Writes a rollout down that somebody else than its author must approve. */
  Rollout write(Wish wish, RolloutPlan.Limits limits, String author) {
    RolloutPlan bare = plan(wish, SMALL_FLEET);
    RolloutPlan plan =
        new RolloutPlan(
            bare.kind(),
            bare.stages(),
            limits,
            bare.dynamic(),
            bare.soak(),
            bare.deadlines(),
            new RolloutPlan.Approval(true, author),
            bare.gates());
    return written(wish.parts(), plan, wish.window(), RolloutState.draft(plan));
  }

  private Rollout written(
      List<RolloutPart> parts, RolloutPlan plan, Duration window, RolloutState first) {
    changes++;
    RolloutId id = new RolloutId("rollout-" + ++made);
    Map<DeviceId, String> outside = new LinkedHashMap<>();
    List<Candidate> candidates = new ArrayList<>();
    Eligibility.Needs needs = needs(parts);
    for (DeviceId device : store.devices()) {
      switch (eligibility(device, needs)) {
        case Eligibility.Eligible(ProfileId profile) ->
            candidates.add(new Candidate(device, profile));
        case Eligibility.NotEligible(String reason) -> outside.put(device, reason);
      }
    }
    Membership membership = StageMembership.assign(candidates, id.value(), plan);
    membership.inNone().forEach(one -> outside.put(one.device(), "no stage takes it"));
    Rollout rollout =
        new Rollout(id, parts, plan, window, needs.engines().keySet(), membership, first);
    rollout.outsiders.putAll(outside);
    for (int stage = 0; stage < rollout.stages.size(); stage++) {
      for (Candidate candidate : rollout.stages.get(stage)) {
        rollout.deployments.put(
            candidate.device(),
            new Rollout.Deployment(
                stage,
                candidate.device(),
                StageMembership.rank(candidate.device(), id.value()),
                candidate.profile(),
                places(rollout)));
      }
    }
    rollouts.put(id, rollout);
    return rollout;
  }

  // As the server does: the newer one has ordered already what it brings.
  private void supersedeOthers(Rollout newer, Instant now) {
    changes++;
    for (Rollout other : rollouts.values()) {
      if (other != newer && other.hasBegun()) {
        if (!other.state.phase().isTerminal()) {
          boolean goesBack = other.state.phase() instanceof RolloutPhase.RollingBack;
          apply(other, new RolloutEvent.Supersede(newer.id), now);
          if (goesBack) {
            awaitNobody(other);
          }
        } else if (other.state.phase() instanceof RolloutPhase.Succeeded && !other.released) {
          if (other.promoted) {
            giveUp(other, now);
          }
          // Nobody follows any more who is under way.
          carryOut(other, new RolloutEffect.CloseOut(false), now);
        } else if (other.isGoneBack()) {
          awaitNobody(other);
        }
        other.released = true;
      }
    }
  }

  // What they are to go back to is another's by now.
  private static void awaitNobody(Rollout rollout) {
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.state == DeploymentState.RESTORING
              || (one.state == DeploymentState.DEFERRED && one.hasOrder)) {
            one.state = DeploymentState.CANCELLED;
          }
        });
  }

  private static List<Rollout.Place> places(Rollout rollout) {
    return rollout.parts.stream().map(part -> new Rollout.Place(rollout.slot(part))).toList();
  }

  Iterable<Rollout> all() {
    return rollouts.values();
  }

  private long changes() {
    return changes + store.changes();
  }

  boolean isActive() {
    if (activeAt != changes()) {
      active = rollouts.values().stream().anyMatch(one -> one.isFollowed(store::isOnline));
      activeAt = changes();
    }
    return active;
  }

  /**
   * The devices are heard from now on: what they did since they were heard last, nobody could tell,
   * and what counts time moves on by that.
   */
  void listens(Instant now) {
    long at = now.toEpochMilli();
    long silence = at - heardAt;
    for (Rollout rollout : rollouts.values()) {
      if (RolloutMachine.openStage(rollout.state).isPresent()) {
        apply(rollout, new RolloutEvent.Unheard(Duration.ofMillis(silence)), now);
      }
      rollout.deployments.forEach(
          (device, one) -> {
            if (store.isOnline(device)) {
              one.orderedAt += Math.max(0, Math.min(silence, at - one.orderedAt));
              one.stepAt += Math.max(0, Math.min(silence, at - one.stepAt));
            }
            // Of who left meanwhile it is known only until when it was heard.
            one.awaySince = Math.min(one.awaySince, heardAt);
          });
    }
    heardAt = at;
  }

  /** Nobody knows any more who is there. */
  void forgetsPresence() {
    for (Rollout rollout : rollouts.values()) {
      for (Rollout.Deployment one : rollout.deployments.values()) {
        one.awaySince = one.awaySince == 0 ? heardAt : one.awaySince;
      }
    }
  }

  /** A device is away from now on. */
  void left(DeviceId device, Instant now) {
    for (Rollout rollout : rollouts.values()) {
      Rollout.Deployment one = rollout.deployments.get(device);
      if (one != null) {
        one.awaySince = now.toEpochMilli();
      }
    }
  }

  /**
   * A device is heard again: the time that it was away is not its own, and where nobody knows how
   * long that was, its deadlines begin again.
   */
  void returned(DeviceId device, Instant now) {
    changes++;
    long at = now.toEpochMilli();
    for (Rollout rollout : rollouts.values()) {
      Rollout.Deployment one = rollout.deployments.get(device);
      if (one != null) {
        one.orderedAt =
            one.awaySince == 0 ? at : one.orderedAt + at - Math.max(one.awaySince, one.orderedAt);
        one.stepAt = at;
        one.awaySince = 0;
        // With the order that it kept, like any other that is under way.
        if (one.state == DeploymentState.DEFERRED && one.hasOrder && rollout.isGoingOn()) {
          one.state =
              isOwn(rollout, device, one) ? DeploymentState.OFFERED : DeploymentState.CANCELLED;
        } else if (one.state == DeploymentState.DEFERRED && one.hasOrder && rollout.isGoneBack()) {
          one.state =
              isOrderedBack(rollout, device, one)
                  ? DeploymentState.RESTORING
                  : DeploymentState.CANCELLED;
        }
      }
    }
  }

  /** The same, without anything between. */
  void tick(String holder, Instant heardSince, Instant now) {
    tick(holder, heardSince, now, () -> {});
  }

  /**
   * A replica moves on what it gets the lease of.
   *
   * @param heardSince since when it has heard the devices without a gap
   * @param done behind each transaction: the process may end there
   */
  void tick(String holder, Instant heardSince, Instant now, Runnable done) {
    heardAt = now.toEpochMilli();
    for (Rollout rollout : List.copyOf(rollouts.values())) {
      if (rollout.isFollowed(store::isOnline)) {
        follow(rollout, now);
        lease(rollout.id, holder, now)
            .ifPresent(
                lease -> {
                  done.run();
                  RolloutDriver.moveOn(this, lease, heardSince, now);
                  done.run();
                  admit(lease);
                  done.run();
                });
      } else if (rollout.isJoinedAfterItsEnd()) {
        lease(rollout.id, holder, now).ifPresent(this::admit);
        done.run();
      }
    }
  }

  /**
   * Applies an event.
   *
   * @return why that is not possible, if it is not
   */
  Optional<String> apply(Rollout rollout, RolloutEvent event, Instant now) {
    boolean begun = rollout.hasBegun();
    Optional<String> refusal = RolloutDriver.apply(new MemoryPage(rollout), event, now).refusal();
    if (!begun && rollout.hasBegun()) {
      supersedeOthers(rollout, now);
    }
    return refusal;
  }

  @Override
  public Optional<Lease> lease(RolloutId id, String holder, Instant now) {
    Rollout rollout = rollouts.get(id);
    if (rollout == null) {
      return Optional.empty();
    }
    Optional<Lease> lease = Lease.asked(id, rollout.lease, holder, now);
    lease.ifPresent(taken -> rollout.lease = Optional.of(taken));
    return lease;
  }

  @Override
  public <T> T underLease(Lease lease, Function<Page, T> work) {
    return work.apply(new MemoryPage(held(lease)));
  }

  private Rollout held(Lease lease) {
    Rollout rollout = rollouts.get(lease.rollout());
    if (rollout == null || rollout.lease.filter(lease::isCurrent).isEmpty()) {
      throw new FencedOutException(lease);
    }
    return rollout;
  }

  @Override
  public <T> Optional<T> forPerson(RolloutId id, Function<Page, T> work) {
    return Optional.ofNullable(rollouts.get(id))
        .map(rollout -> work.apply(new MemoryPage(rollout)));
  }

  private final class MemoryPage implements Page {
    private final Rollout rollout;

    MemoryPage(Rollout rollout) {
      this.rollout = rollout;
    }

    @Override
    public RolloutPlan plan() {
      return rollout.plan;
    }

    @Override
    public RolloutState state() {
      return rollout.state;
    }

    @Override
    public Census census() {
      return rollout.looked.census(changes(), this::counted);
    }

    private Census counted() {
      List<Census.Cell> cells = new ArrayList<>();
      rollout.deployments.forEach(
          (device, one) -> {
            if (one.opened) {
              cells.add(
                  new Census.Cell(
                      one.stage,
                      one.profile,
                      one.state,
                      store.isOnline(device),
                      rollout.isTrial() ? one.wasOrdered() : one.isReplacing(),
                      one.afterSuccess,
                      1));
            }
          });
      return new Census(cells);
    }

    @Override
    public Evidence evidence() {
      return RolloutMachine.openStage(rollout.state).isEmpty()
          ? Evidence.NONE
          : rollout.looked.evidence(
              changes(), () -> rollout.evidence(store::isEnrolled, store::isOnline));
    }

    @Override
    public List<GateResult> judged(int stage, RolloutEvent.Observed seen) {
      return rollout.looked.judged(stage, seen, () -> Page.super.judged(stage, seen));
    }

    @Override
    public int carryOut(RolloutEffect effect, Instant now) {
      changes++;
      return RolloutShell.this.carryOut(rollout, effect, now);
    }

    @Override
    public void keep(RolloutEvent event, RolloutState after, Instant now) {
      changes++;
      rollout.decided(event, after, now);
    }
  }

  private void follow(Rollout rollout, Instant now) {
    if (!rollout.looked.follows(changes())) {
      return;
    }
    rollout.deployments.forEach(
        (device, one) -> {
          List<DeploymentMachine.Part> parts = parts(device, one);
          if (!parts.isEmpty()) {
            DeploymentState after = DeploymentMachine.after(one.state, parts);
            if (after != one.state) {
              changes++;
              one.state = after;
              one.stepAt = now.toEpochMilli();
              if (after == DeploymentState.RESTORE_FAILED) {
                one.couldNotGoBack(rollout.plan.deadlines(), now.toEpochMilli());
              }
            }
          }
        });
  }

  // None where nothing is told of any order: that changes nothing.
  private List<DeploymentMachine.Part> parts(DeviceId device, Rollout.Deployment one) {
    List<DeploymentMachine.Part> parts = new ArrayList<>(one.places.size());
    boolean told = false;
    for (Rollout.Place place : one.places) {
      if (place.revision > 0) {
        SlotReport report = store.slotReport(device, place.slot).orElse(silent(place.slot));
        told |= report.revision() == place.revision;
        parts.add(new DeploymentMachine.Part(report, place.revision, place.ordered()));
      }
    }
    return told ? parts : List.of();
  }

  private static SlotReport silent(SlotId slot) {
    return new SlotReport(
        slot,
        0,
        SlotPhase.IDLE,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        0);
  }

  private int carryOut(Rollout rollout, RolloutEffect effect, Instant now) {
    int orders = 0;
    switch (effect) {
      case RolloutEffect.OpenStage(int stage) -> {
        if (rollout.deployments.values().stream()
            .noneMatch(one -> one.opened && one.stage == stage && one.hadItsTurn())) {
          beginEvidence(rollout, now);
        }
        if (rollout.plan.dynamic()) {
          admit(rollout, stage);
        } else {
          enter(rollout, stage);
        }
      }
      case RolloutEffect.Offer(int through, int limit) ->
          orders =
              offer(
                  rollout,
                  limit,
                  now,
                  one -> one.state == DeploymentState.PENDING && one.stage <= through);
      case RolloutEffect.CatchUp(int limit) ->
          orders =
              offer(
                  rollout,
                  limit,
                  now,
                  one -> one.state == DeploymentState.DEFERRED && !one.hasOrder);
      case RolloutEffect.Expire _ -> expire(rollout, now.toEpochMilli());
      case RolloutEffect.DeferOffline(int through) ->
          rollout.deployments.forEach(
              (device, one) -> {
                if (one.opened
                    && one.stage <= through
                    && (one.state == DeploymentState.PENDING || one.state.isInFlight())
                    && !store.isOnline(device)) {
                  one.state = DeploymentState.DEFERRED;
                }
              });
      case RolloutEffect.Cancel _ -> cancel(rollout, now);
      case RolloutEffect.RestoreTouched _ -> {
        // Of a promoted trial: who has it on trial still.
        rollout.deployments.forEach(
            (device, one) -> {
              if (rollout.promoted && one.opened && one.isWaiting() && !one.hasOrder) {
                one.state = DeploymentState.CANCELLED;
              }
            });
        back(
            rollout,
            one ->
                one.state.isInFlight()
                    || one.state.isFailure()
                    || one.state == DeploymentState.NOT_REACHED
                    || one.state == DeploymentState.PENDING
                    || one.state == DeploymentState.COMMITTED
                    || one.state == DeploymentState.DEFERRED,
            now);
        cancelUnordered(rollout);
      }
      case RolloutEffect.RetryFailed _ -> {
        rollout.deployments.forEach(
            (device, one) -> {
              // What became of them until now is known to whoever lets it go on after the success.
              one.afterSuccess &=
                  one.isLate() || !(rollout.state.phase() instanceof RolloutPhase.Succeeded);
              if (one.state.isRetryable() && isFree(rollout, device, one)) {
                one.state = DeploymentState.PENDING;
                one.hasOrder = false;
              }
            });
        rollout.joined();
      }
      case RolloutEffect.RestoreAgain(boolean anew) -> restoreAgain(rollout, anew, now);
      case RolloutEffect.CloseOut(boolean catchesUp) ->
          rollout.deployments.forEach((device, one) -> closeOut(device, one, catchesUp));
      case RolloutEffect.RestoreBrokenUnits _ -> restoreBrokenUnits(rollout, now);
      case RolloutEffect.ConcludeTrial(boolean promote) -> {
        if (promote) {
          letWait(rollout);
        } else {
          drop(rollout, now);
        }
      }
    }
    if (rollout.promoted) {
      endTrials(rollout, now);
    }
    return orders;
  }

  private void beginEvidence(Rollout rollout, Instant now) {
    rollout.openedAt = now.toEpochMilli();
    gates.open(rollout);
  }

  private void closeOut(DeviceId device, Rollout.Deployment one, boolean catchesUp) {
    if (catchesUp) {
      one.afterSuccess = one.opened && one.isLate();
    }
    if (one.opened && one.state == DeploymentState.PENDING) {
      one.state = catchesUp ? DeploymentState.DEFERRED : DeploymentState.CANCELLED;
    } else if ((one.state.isInFlight() && !(catchesUp && store.isOnline(device)))
        || (one.state == DeploymentState.RESTORING && !store.isOnline(device))) {
      one.state = DeploymentState.DEFERRED;
    }
  }

  private void enter(Rollout rollout, DeviceId device, DeploymentState state, Instant now) {
    Rollout.Deployment one = rollout.deployments.get(device);
    if (one != null) {
      one.state = state;
      // Who was to try again had none any more, and has the one to go back.
      one.hasOrder |= state == DeploymentState.OFFERED || state == DeploymentState.RESTORING;
      one.orderedAt = now.toEpochMilli();
      one.stepAt = now.toEpochMilli();
    }
  }

  // Who was too late, or failed, may still switch while its order stands.
  private void cancel(Rollout rollout, Instant now) {
    List<DeviceId> taken = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          boolean waiting =
              one.opened
                  && (one.state == DeploymentState.PENDING
                      || one.state == DeploymentState.NOT_REACHED
                      || one.state == DeploymentState.DEFERRED);
          boolean stands =
              (waiting || one.state.isFailure() || one.state.isBeforeSwitch())
                  && isOwn(rollout, device, one);
          boolean runs = stands && !one.state.isBeforeSwitch() && runsOrdered(device, one);
          if (stands && !runs) {
            taken.add(device);
          }
          if (waiting || one.state.isBeforeSwitch()) {
            one.state = runs ? DeploymentState.COMMITTED : DeploymentState.CANCELLED;
          }
        });
    sendBack(rollout, taken, now);
  }

  private boolean runsOrdered(DeviceId device, Rollout.Deployment one) {
    return one.places.stream()
        .allMatch(
            place ->
                store
                    .slotReport(device, place.slot)
                    .flatMap(SlotReport::running)
                    .filter(running -> running.manifest().equals(place.ordered()))
                    .isPresent());
  }

  // In the order of the stages, best rank first; who is chosen and not ordered anything makes room
  // for the next.
  private int offer(Rollout rollout, int limit, Instant now, Predicate<Rollout.Deployment> wanted) {
    List<Rollout.Deployment> waiting = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.opened && wanted.test(one) && store.isOnline(device)) {
            waiting.add(one);
          }
        });
    waiting.sort(IN_ORDER);
    List<DeviceId> offered = new ArrayList<>();
    List<DeviceId> left = new ArrayList<>();
    Eligibility.Needs needs = needs(rollout.parts);
    for (Rollout.Deployment one : waiting) {
      if (offered.size() == limit) {
        break;
      }
      switch (eligibility(one.device, needs)) {
        case Eligibility.NotEligible(String reason) -> {
          leave(one, reason);
          left.add(one.device);
        }
        case Eligibility.Eligible(ProfileId profile) -> {
          one.profile = profile;
          if (hasAlready(rollout, one)) {
            boolean own = isOwn(rollout, one.device, one);
            one.state = own ? DeploymentState.COMMITTED : DeploymentState.ALREADY_INSTALLED;
            one.hasOrder |= own;
          } else {
            rememberPrevious(rollout, one);
            offered.add(one.device);
          }
        }
      }
    }
    // What they were ordered at an earlier attempt.
    sendBack(rollout, left, now);
    for (int part = 0; part < rollout.parts.size(); part++) {
      order(rollout, offered, part, bringing(rollout, part), mode(rollout, part), now);
    }
    for (DeviceId device : offered) {
      enter(rollout, device, DeploymentState.OFFERED, now);
      Objects.requireNonNull(rollout.deployments.get(device)).afterSuccess |=
          rollout.state.phase() instanceof RolloutPhase.Succeeded
              || rollout.state.promotion().isPresent();
    }
    return offered.size();
  }

  private static void leave(Rollout.Deployment one, String reason) {
    one.state = DeploymentState.NOT_ELIGIBLE;
    one.reason = reason;
    one.hasOrder = false;
  }

  private Function<Rollout.Deployment, Releases.Variant> bringing(Rollout rollout, int part) {
    ModelVersion version = rollout.parts.get(part).version();
    return one -> releases.variant(version, one.profile).orElseThrow();
  }

  private static SlotMode mode(Rollout rollout, int part) {
    SlotId beside = rollout.parts.get(part).slot();
    if (rollout.promoted) {
      return new SlotMode.Active();
    }
    return switch (rollout.plan.kind()) {
      case RolloutKind.Replace() -> new SlotMode.Active();
      case RolloutKind.Split split -> new SlotMode.Ab(new SlotMode.Trial(beside, split.share()));
      case RolloutKind.Shadow _ -> new SlotMode.Shadow(new SlotMode.Trial(beside, 1));
    };
  }

  // All of its parts; a version on trial is never there already.
  private boolean hasAlready(Rollout rollout, Rollout.Deployment one) {
    for (int part = 0; part < rollout.parts.size(); part++) {
      SlotId slot = one.places.get(part).slot;
      if (rollout.isTrial()
          || !hasAlready(one.device, slot, bringing(rollout, part).apply(one).manifest())) {
        return false;
      }
    }
    return true;
  }

  private boolean hasAlready(DeviceId device, SlotId slot, Digest manifest) {
    return store
        .desired(device, slot)
        .filter(order -> order.mode() instanceof SlotMode.Active)
        .filter(order -> order.manifest().equals(manifest))
        .filter(
            order ->
                store
                    .slotReport(device, slot)
                    .filter(report -> report.phase() == SlotPhase.COMMITTED)
                    .filter(report -> report.revision() == order.revision())
                    .flatMap(SlotReport::running)
                    .filter(running -> running.manifest().equals(manifest))
                    .isPresent())
        .isPresent();
  }

  // A further attempt knows already.
  private void rememberPrevious(Rollout rollout, Rollout.Deployment one) {
    for (int part = 0; part < rollout.parts.size() && !rollout.isTrial(); part++) {
      Rollout.Place place = one.places.get(part);
      if (place.previous == null) {
        place.previous =
            previous(
                    one.device,
                    place.slot,
                    bringing(rollout, part).apply(one),
                    rollout.parts.size() > 1)
                .orElse(null);
      }
    }
  }

  // What another rollout has ordered back, be it to nothing, what runs, what was ordered and
  // proved, and last what the rollout that is under way found. A unit may bring what was proved.
  private Optional<Releases.Variant> previous(
      DeviceId device, SlotId slot, Releases.Variant next, boolean ofUnit) {
    Optional<DesiredSlot> active =
        store.desired(device, slot).filter(order -> order.mode() instanceof SlotMode.Active);
    Optional<Releases.Variant> ordered =
        active.flatMap(order -> releases.variant(order.manifest()));
    Optional<Rollout.Deployment> earlier =
        active
            .flatMap(DesiredSlot::rollout)
            .flatMap(id -> Optional.ofNullable(rollouts.get(id)))
            .flatMap(rollout -> Optional.ofNullable(rollout.deployments.get(device)));
    Optional<Releases.Variant> found =
        earlier.flatMap(
            one ->
                one.places.stream()
                    .filter(place -> place.slot.equals(slot))
                    .flatMap(place -> Stream.ofNullable(place.previous))
                    .findFirst());
    boolean takenBack =
        store
            .desired(device, slot)
            .filter(order -> order.mode() instanceof SlotMode.Off && order.rollout().isPresent())
            .isPresent();
    Optional<Releases.Variant> running =
        store
            .slotReport(device, slot)
            .filter(report -> !takenBack)
            .flatMap(SlotReport::running)
            .flatMap(now -> releases.variant(now.manifest()));
    Predicate<Releases.Variant> isOther = variant -> !variant.manifest().equals(next.manifest());
    Optional<Releases.Variant> proved = ordered.filter(variant -> ofUnit || isOther.test(variant));
    return Stream.of(
            proved.filter(variant -> found.filter(variant::equals).isPresent()),
            running.filter(isOther),
            proved.filter(variant -> earlier.filter(one -> !one.state.isSuccess()).isEmpty()),
            found.filter(isOther))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private void order(
      Rollout rollout,
      List<DeviceId> devices,
      int part,
      Function<Rollout.Deployment, Releases.Variant> chosen,
      SlotMode mode,
      Instant now) {
    order(rollout, devices, part, rollout.slot(rollout.parts.get(part)), chosen, mode, now);
  }

  private void order(
      Rollout rollout,
      List<DeviceId> devices,
      int part,
      SlotId slot,
      Function<Rollout.Deployment, Releases.Variant> chosen,
      SlotMode mode,
      Instant now) {
    store.order(
        devices,
        slot,
        now,
        (device, revision) -> {
          Rollout.Deployment one = rollout.deployments.get(device);
          if (one == null) {
            throw new IllegalStateException("no deployment of " + device);
          }
          Releases.Variant variant = chosen.apply(one);
          Rollout.Place place = one.places.get(part);
          if (slot.equals(place.slot)) {
            place.revision = revision;
            place.ordered = variant;
          }
          DesiredSlot order =
              new DesiredSlot(
                      slot,
                      revision,
                      variant.version(),
                      variant.manifest(),
                      variant.signature(),
                      ARTIFACTS,
                      Optional.of(rollout.id),
                      sampling,
                      rollout.window,
                      3,
                      Duration.ofMinutes(1))
                  .withMode(mode);
          return rollout.isUnit() ? order.withUnit(new UnitName(rollout.id.value())) : order;
        });
  }

  private void expire(Rollout rollout, long now) {
    RolloutPlan.Deadlines deadlines = rollout.plan.deadlines();
    rollout.deployments.forEach(
        (device, one) -> {
          if (!store.isOnline(device)) {
            return;
          }
          boolean late =
              deadlines
                  .due(
                      one.state,
                      Instant.ofEpochMilli(one.orderedAt),
                      Instant.ofEpochMilli(one.stepAt))
                  .map(due -> now >= due.toEpochMilli())
                  .orElse(false);
          if (late && one.state.isBeforeTheVersion()) {
            one.state = DeploymentState.NOT_REACHED;
          } else if (late && one.state.isInFlight()) {
            one.state = DeploymentState.TIMED_OUT;
          } else if (late && one.state == DeploymentState.RESTORING) {
            one.couldNotGoBack(rollout.plan.deadlines(), now);
          }
        });
  }

  // Where something else has ordered their place meanwhile, that stays.
  private void restoreAgain(Rollout rollout, boolean anew, Instant now) {
    List<DeviceId> due = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.state != DeploymentState.RESTORE_FAILED) {
            return;
          }
          if (anew) {
            one.restores = 0;
            one.againAt = now.toEpochMilli();
          }
          if (!isOrderedBack(rollout, device, one)) {
            one.againAt = Long.MAX_VALUE;
          }
          if (store.isOnline(device) && one.againAt <= now.toEpochMilli()) {
            due.add(device);
          }
        });
    sendBackAgain(rollout, due, now);
    for (DeviceId device : due) {
      Rollout.Deployment one = Objects.requireNonNull(rollout.deployments.get(device));
      one.restores++;
      one.againAt = Long.MAX_VALUE;
      enter(
          rollout,
          device,
          one.isReplacing() ? DeploymentState.RESTORING : DeploymentState.CANCELLED,
          now);
    }
  }

  // What a newer rollout has taken over, and what was taken back, is left alone.
  private void back(Rollout rollout, Predicate<Rollout.Deployment> wanted, Instant now) {
    List<DeviceId> touched = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          if (wanted.test(one) && isOwn(rollout, device, one)) {
            touched.add(device);
          }
        });
    sendBack(rollout, touched, now);
    for (DeviceId device : touched) {
      Rollout.Deployment one = Objects.requireNonNull(rollout.deployments.get(device));
      enter(
          rollout,
          device,
          one.isReplacing() ? DeploymentState.RESTORING : DeploymentState.CANCELLED,
          now);
    }
  }

  // To what they ran before, or to nothing where nothing ran.
  private void sendBack(Rollout rollout, List<DeviceId> devices, Instant now) {
    List<Rollout.Deployment> own = new ArrayList<>();
    for (DeviceId device : devices) {
      Rollout.Deployment one = rollout.deployments.get(device);
      if (one != null && isOwn(rollout, device, one)) {
        one.places.forEach(place -> fitPrevious(device, place));
        own.add(one);
      }
    }
    orderBack(rollout, own, now);
  }

  private void sendBackAgain(Rollout rollout, List<DeviceId> devices, Instant now) {
    List<Rollout.Deployment> again = new ArrayList<>();
    for (DeviceId device : devices) {
      Rollout.Deployment one = Objects.requireNonNull(rollout.deployments.get(device));
      one.places.forEach(place -> fitPrevious(device, place));
      again.add(one);
    }
    orderBack(rollout, again, now);
  }

  private void orderBack(Rollout rollout, List<Rollout.Deployment> own, Instant now) {
    for (int i = 0; i < rollout.parts.size(); i++) {
      int part = i;
      List<DeviceId> backward = new ArrayList<>();
      List<DeviceId> off = new ArrayList<>();
      own.forEach(one -> (one.places.get(part).previous == null ? off : backward).add(one.device));
      order(
          rollout,
          backward,
          part,
          one -> Objects.requireNonNull(one.places.get(part).previous),
          new SlotMode.Active(),
          now);
      order(
          rollout,
          off,
          part,
          one -> Objects.requireNonNull(one.places.get(part).ordered),
          new SlotMode.Off(),
          now);
    }
  }

  // The same version's artifact for what it is now; else the one that it ran, if that fits still.
  private void fitPrevious(DeviceId device, Rollout.Place place) {
    Releases.Variant before = place.previous;
    Described now = described.apply(device);
    if (before == null || now.profile().isEmpty() || now.profile().get().equals(before.profile())) {
      return;
    }
    place.previous =
        releases
            .variant(before.version(), now.profile().get())
            .orElse(now.isOf(before.profile()) ? before : null);
  }

  private void restoreBrokenUnits(Rollout rollout, Instant now) {
    if (!rollout.isUnit()) {
      return;
    }
    List<DeviceId> broken = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.hasOrder && one.state.isFailure()) {
            broken.add(device);
            one.hasOrder = false;
          }
        });
    sendBack(rollout, broken, now);
  }

  // Whoever may still have it on trial: also those that failed, or are away.
  private void drop(Rollout rollout, Instant now) {
    List<DeviceId> onTrial = onTrial(rollout, one -> true);
    endTrials(rollout, onTrial, now);
    onTrial.forEach(device -> enter(rollout, device, DeploymentState.RESTORED, now));
    cancelUnordered(rollout);
  }

  // Nothing of them goes back: nobody is to wait for their return.
  private static void cancelUnordered(Rollout rollout) {
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.state == DeploymentState.DEFERRED && !one.hasOrder) {
            one.state = DeploymentState.CANCELLED;
          }
        });
  }

  // Also who was late, or is under way: they may fit still.
  private static void letWait(Rollout rollout) {
    rollout.promoted = true;
    rollout.arms = new StageArms(false);
    rollout.deployments.forEach(
        (device, one) -> {
          one.afterSuccess = false;
          if (one.state == DeploymentState.COMMITTED || (one.opened && one.isLate())) {
            one.state = DeploymentState.PENDING;
            one.hasOrder = false;
          }
          for (int part = 0; part < rollout.parts.size(); part++) {
            Rollout.Place place = one.places.get(part);
            place.slot = rollout.parts.get(part).slot();
            place.ordered = null;
            place.revision = 0;
          }
        });
    rollout.joined();
  }

  // On who does not wait, or no more, for the version as the active one.
  private void endTrials(Rollout rollout, Instant now) {
    endTrials(rollout, onTrial(rollout, one -> !one.isWaiting()), now);
  }

  private void endTrials(Rollout rollout, List<DeviceId> devices, Instant now) {
    for (int part = 0; part < rollout.parts.size(); part++) {
      order(
          rollout,
          devices,
          part,
          rollout.parts.get(part).place(rollout.plan.kind()),
          bringing(rollout, part),
          new SlotMode.Off(),
          now);
    }
  }

  private List<DeviceId> onTrial(Rollout rollout, Predicate<Rollout.Deployment> which) {
    List<DeviceId> onTrial = new ArrayList<>();
    rollout.deployments.forEach(
        (device, one) -> {
          if (which.test(one)
              && store.desired(device, rollout.place()).filter(rollout::isBroughtBy).isPresent()) {
            onTrial.add(device);
          }
        });
    return onTrial;
  }

  // Nobody gets any more what was good on trial.
  private void giveUp(Rollout rollout, Instant now) {
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.opened && one.isWaiting()) {
            one.state = DeploymentState.CANCELLED;
          }
        });
    endTrials(rollout, now);
  }

  /**
   * Whether the device is still ordered what the rollout brings: a model that a unit did not change
   * it has also when it was sent back.
   */
  private boolean isOwn(Rollout rollout, DeviceId device, Rollout.Deployment one) {
    // Where it changed none of them, whether it was sent back is known only by its order.
    boolean unchanged = one.hasOrder && changesNothing(rollout, one);
    for (int part = 0; part < rollout.parts.size(); part++) {
      Rollout.Place place = one.places.get(part);
      Releases.Variant ordered = place.ordered;
      if (ordered != null
          && ordered.version().equals(rollout.parts.get(part).version())
          && (unchanged
              || place.previous == null
              || !place.previous.manifest().equals(ordered.manifest()))
          && store
              .desired(device, place.slot)
              .filter(order -> order.rollout().filter(rollout.id::equals).isPresent())
              .filter(order -> !(order.mode() instanceof SlotMode.Off))
              .filter(order -> order.manifest().equals(ordered.manifest()))
              .isPresent()) {
        return true;
      }
    }
    return false;
  }

  private boolean changesNothing(Rollout rollout, Rollout.Deployment one) {
    for (int part = 0; part < rollout.parts.size(); part++) {
      Releases.Variant before = one.places.get(part).previous;
      if (before == null
          || !before.manifest().equals(bringing(rollout, part).apply(one).manifest())) {
        return false;
      }
    }
    return true;
  }

  private boolean isOrderedBack(Rollout rollout, DeviceId device, Rollout.Deployment one) {
    return one.places.stream()
        .anyMatch(
            place ->
                store
                    .desired(device, place.slot)
                    .filter(order -> order.rollout().filter(rollout.id::equals).isPresent())
                    .filter(order -> !(order.mode() instanceof SlotMode.Off))
                    .isPresent());
  }

  /** Whether nothing else than this rollout has ordered the device's slots. */
  private boolean isFree(Rollout rollout, DeviceId device, Rollout.Deployment one) {
    return one.places.stream()
        .allMatch(
            place ->
                store
                    .desired(device, place.slot)
                    .map(order -> order.rollout().filter(rollout.id::equals).isPresent())
                    .orElse(true));
  }

  private Eligibility.Needs needs(List<RolloutPart> parts) {
    Map<ProfileId, Set<String>> engines = new HashMap<>();
    for (Hardware hardware : Hardware.values()) {
      if (parts.stream()
          .allMatch(part -> releases.variant(part.version(), hardware.profile()).isPresent())) {
        engines.put(hardware.profile(), Set.of(ENGINE));
      }
    }
    return new Eligibility.Needs(engines);
  }

  private Eligibility eligibility(DeviceId device, Eligibility.Needs needs) {
    return Eligibility.of(described.apply(device).device(), needs);
  }

  // Who was a member when the rollout was written down, as it is now.
  private void enter(Rollout rollout, int stage) {
    Eligibility.Needs needs = needs(rollout.parts);
    rollout.deployments.forEach(
        (device, one) -> {
          if (one.stage == stage && !one.opened) {
            one.opened = true;
            switch (eligibility(device, needs)) {
              case Eligibility.Eligible(ProfileId profile) -> one.profile = profile;
              case Eligibility.NotEligible(String reason) -> leave(one, reason);
            }
          }
        });
  }

  // Everybody that the stages which are open take by now, each the first that takes it.
  private int admit(Rollout rollout, int throughStage) {
    int admitted = 0;
    Eligibility.Needs needs = needs(rollout.parts);
    for (int stage = 0; stage <= throughStage; stage++) {
      List<StageMembership.Boundary> boundary = List.of(rollout.boundaries.get(stage));
      for (DeviceId device : store.devices()) {
        Rollout.Deployment one = rollout.deployments.get(device);
        boolean has = one != null && one.opened && one.state != DeploymentState.NOT_ELIGIBLE;
        if (!has && eligibility(device, needs) instanceof Eligibility.Eligible(ProfileId profile)) {
          String rank = rollout.rank(device);
          if (StageMembership.stageOf(
                  new Candidate(device, profile), rank, boundary, rollout.holdbackAbove)
              .isPresent()) {
            place(rollout, device, stage, rank, profile);
            admitted++;
          }
        }
      }
    }
    return admitted;
  }

  private static void place(
      Rollout rollout, DeviceId device, int stage, String rank, ProfileId profile) {
    Rollout.Deployment one =
        rollout.deployments.computeIfAbsent(
            device, key -> new Rollout.Deployment(stage, device, rank, profile, places(rollout)));
    if (!one.opened) {
      one.stage = stage;
    }
    one.opened = true;
    one.profile = profile;
    one.state = DeploymentState.PENDING;
    one.reason = "";
    rollout.outsiders.remove(device);
  }

  @Override
  public int admit(Lease lease) {
    Rollout rollout = held(lease);
    OptionalInt through = RolloutMachine.joinedThrough(rollout.plan, rollout.state);
    int admitted = through.isPresent() ? admit(rollout, through.getAsInt()) : 0;
    if (admitted > 0) {
      changes++;
      rollout.joined();
    }
    return admitted;
  }

  /** A device was removed from the fleet. */
  void removed(DeviceId device) {
    changes++;
    for (Rollout rollout : rollouts.values()) {
      Rollout.Deployment one = rollout.deployments.get(device);
      if (one != null && !one.opened) {
        rollout.deployments.remove(device);
      } else if (one != null && !rollout.released) {
        one.state = DeploymentState.REMOVED;
      }
    }
  }

  /** What is counted next is stored together. */
  void beginTransaction() {
    gates.beginTransaction();
  }

  /** Counts a stored window for the gates. */
  void counted(DeviceId device, long epoch, Window window, WindowCounts counts) {
    changes++;
    gates.counted(device, epoch, window, counts);
  }

  /** Counts a stored outcome for the gates. */
  void counted(DeviceId device, Feedback outcome) {
    changes++;
    gates.counted(device, outcome);
  }
}
