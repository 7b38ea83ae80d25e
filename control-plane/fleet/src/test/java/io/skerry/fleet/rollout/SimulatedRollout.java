package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;

/** Carries out a rollout's effects on devices in memory. */
final class SimulatedRollout {
  private static final int PROFILES = 4;

  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  static final Evidence GOOD = evidence(8, 0);
  static final Evidence GOOD_OF_MORE = evidence(9, 0);
  static final Evidence BAD = evidence(8, .5);

  final RolloutPlan plan;
  final List<Member> members = new ArrayList<>();
  final List<Stored> events = new ArrayList<>();
  RolloutState state;
  Instant now = START;
  Instant heardSince = Instant.EPOCH;
  int stagesOpened;
  long orders;
  boolean replacing = true;

  record Stored(RolloutEvent event, Instant at) {}

  static final class Member {
    final int stage;
    final ProfileId profile;
    DeploymentState state = DeploymentState.PENDING;
    boolean online = true;
    boolean eligible = true;
    boolean exists;
    boolean hasOrder;
    boolean late;
    Instant orderedAt = START;
    int restores;
    Instant againAt = Instant.MAX;

    Member(int stage, ProfileId profile) {
      this.stage = stage;
      this.profile = profile;
    }
  }

  SimulatedRollout(int devices, RolloutPlan plan) {
    this.plan = plan;
    state = RolloutState.ready(plan);
    List<StageMembership.Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < devices; device++) {
      candidates.add(
          new StageMembership.Candidate(
              new DeviceId("device-" + device), new ProfileId("profile-" + device % PROFILES)));
    }
    List<List<StageMembership.Candidate>> stages =
        StageMembership.assign(candidates, "salt", plan).stages();
    for (int stage = 0; stage < stages.size(); stage++) {
      for (StageMembership.Candidate candidate : stages.get(stage)) {
        members.add(new Member(stage, candidate.profile()));
      }
    }
  }

  /**
   * Failed predictions on eight devices of each profile and version, of a thousand each; all of the
   * open stage.
   */
  private static Evidence evidence(int devices, double share) {
    ArmSums newer = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (int device = 0; device < devices; device++) {
      newer = newer.plus(1000, 1000 * share);
      older = older.plus(1000, 0);
    }
    Evidence.OfProfile seen =
        new Evidence.OfProfile(
            Map.of(
                Metric.FAILED_PREDICTIONS,
                new Comparison(newer, older),
                Metric.SLOW_PREDICTIONS,
                new Comparison(
                    new ArmSums(8, 8000, 0, 8e6, 0, 0), new ArmSums(8, 8000, 0, 8e6, 0, 0))));
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    for (int profile = 0; profile < PROFILES; profile++) {
      profiles.put(new ProfileId("profile-" + profile), seen);
    }
    return new Evidence(profiles, profiles, OptionalDouble.empty());
  }

  RolloutMachine.Step apply(RolloutEvent event) {
    return RolloutDriver.apply(new MemberPage(), event, now);
  }

  private final class MemberPage implements RolloutBooks.Page {
    @Override
    public RolloutPlan plan() {
      return plan;
    }

    @Override
    public RolloutState state() {
      return state;
    }

    @Override
    public Census census() {
      return SimulatedRollout.this.census();
    }

    @Override
    public Evidence evidence() {
      return GOOD;
    }

    @Override
    public int carryOut(RolloutEffect effect, Instant at) {
      return SimulatedRollout.this.carryOut(effect);
    }

    @Override
    public void keep(RolloutEvent event, RolloutState after, Instant at) {
      events.add(new Stored(event, at));
      state = after;
    }
  }

  RolloutMachine.Step observe(Evidence evidence) {
    return apply(new RolloutEvent.Observed(census(), evidence, heardSince));
  }

  void pass(Duration time) {
    now = now.plus(time);
  }

  void commitOffered() {
    members.stream()
        .filter(member -> member.online && member.state == DeploymentState.OFFERED)
        .forEach(member -> member.state = DeploymentState.COMMITTED);
  }

  void progressRandomly(Random random) {
    Member member = members.get(random.nextInt(members.size()));
    if (random.nextInt(8) == 0) {
      member.online = !member.online;
      if (member.online && member.state == DeploymentState.DEFERRED && goesOn(member)) {
        order(member, DeploymentState.OFFERED);
      }
    }
    if (member.exists && random.nextInt(200) == 0) {
      member.state = DeploymentState.REMOVED;
    }
    if (random.nextInt(200) == 0) {
      comes(random);
    }
    if (random.nextInt(12) == 0) {
      member.eligible = !member.eligible;
    }
    if (!member.online) {
      return;
    }
    member.state =
        switch (member.state) {
          case OFFERED ->
              random.nextBoolean() ? DeploymentState.DOWNLOADING : DeploymentState.REJECTED;
          case DEFERRED -> goesOn(member) ? DeploymentState.DOWNLOADING : member.state;
          case DOWNLOADING -> DeploymentState.VERIFYING;
          case VERIFYING -> DeploymentState.STAGED;
          case STAGED -> DeploymentState.COMPILING;
          case COMPILING -> DeploymentState.ACTIVATING;
          case ACTIVATING -> DeploymentState.PROBATION;
          case PROBATION ->
              random.nextInt(4) > 0 ? DeploymentState.COMMITTED : DeploymentState.ROLLED_BACK;
          case RESTORING -> DeploymentState.RESTORED;
          case PENDING, COMMITTED, REJECTED, FAILED, TIMED_OUT, ROLLED_BACK -> member.state;
          case ALREADY_INSTALLED, CANCELLED, REMOVED, RESTORED, RESTORE_FAILED -> member.state;
          case NOT_REACHED -> random.nextInt(8) > 0 ? member.state : DeploymentState.VERIFYING;
          case NOT_ELIGIBLE -> member.state;
        };
  }

  private boolean goesOn(Member member) {
    return member.hasOrder
        && (!state.phase().isTerminal() || state.phase() instanceof RolloutPhase.Succeeded);
  }

  // As of a dynamic rollout: to a stage that is open.
  private void comes(Random random) {
    RolloutMachine.openStage(state)
        .ifPresent(
            open -> {
              ProfileId profile = new ProfileId("profile-" + random.nextInt(PROFILES));
              Member newcomer = new Member(random.nextInt(open + 1), profile);
              newcomer.exists = true;
              members.add(newcomer);
            });
  }

  Census census() {
    List<Census.Cell> cells = new ArrayList<>();
    for (Member member : members) {
      if (member.exists) {
        cells.add(
            new Census.Cell(
                member.stage,
                member.profile,
                member.state,
                member.online,
                replacing,
                member.late,
                1));
      }
    }
    return new Census(cells);
  }

  long count(DeploymentState wanted) {
    return members.stream().filter(member -> member.state == wanted).count();
  }

  long inFlightOnline() {
    return members.stream().filter(member -> member.online && member.state.isInFlight()).count();
  }

  private int carryOut(RolloutEffect effect) {
    long before = orders;
    switch (effect) {
      case RolloutEffect.OpenStage(int stage) -> {
        stagesOpened = Math.max(stagesOpened, stage + 1);
        members.stream()
            .filter(member -> member.stage == stage)
            .forEach(member -> member.exists = true);
      }
      case RolloutEffect.Offer(int through, int limit) ->
          members.stream()
              .filter(member -> member.exists && member.stage <= through && member.online)
              .filter(member -> member.state == DeploymentState.PENDING)
              .limit(limit)
              .forEach(this::offer);
      case RolloutEffect.CatchUp(int limit) ->
          members.stream()
              .filter(member -> member.online && member.state == DeploymentState.DEFERRED)
              .filter(member -> !member.hasOrder)
              .limit(limit)
              .forEach(this::offer);
      case RolloutEffect.Expire() ->
          members.stream().filter(member -> member.online).forEach(this::expire);
      case RolloutEffect.DeferOffline(int through) ->
          members.stream()
              .filter(member -> member.exists && member.stage <= through && !member.online)
              .filter(
                  member -> member.state == DeploymentState.PENDING || member.state.isInFlight())
              .forEach(member -> member.state = DeploymentState.DEFERRED);
      case RolloutEffect.Cancel() ->
          members.stream()
              .filter(
                  member ->
                      member.exists
                          && (member.state == DeploymentState.PENDING
                              || member.state == DeploymentState.DEFERRED
                              || member.state == DeploymentState.NOT_REACHED
                              || member.state.isBeforeSwitch()))
              .forEach(member -> member.state = DeploymentState.CANCELLED);
      case RolloutEffect.RestoreTouched() ->
          members.stream()
              .filter(member -> member.exists && member.state.isTouched())
              .forEach(member -> order(member, DeploymentState.RESTORING));
      case RolloutEffect.RetryFailed() -> {
        members.stream()
            .filter(unused -> state.phase() instanceof RolloutPhase.Succeeded)
            .forEach(member -> member.late &= isUnderWay(member));
        members.stream()
            .filter(member -> member.state.isRetryable())
            .forEach(member -> member.state = DeploymentState.PENDING);
      }
      case RolloutEffect.CloseOut(boolean catchesUp) ->
          members.forEach(member -> closeOut(member, catchesUp));
      case RolloutEffect.ConcludeTrial(boolean promote) -> {
        if (promote) {
          members.forEach(SimulatedRollout::promote);
        }
      }
      case RolloutEffect.RestoreAgain(boolean anew) ->
          members.stream()
              .filter(member -> member.online && member.state == DeploymentState.RESTORE_FAILED)
              .filter(member -> anew || !now.isBefore(member.againAt))
              .forEach(
                  member -> {
                    member.restores = anew ? 1 : member.restores + 1;
                    member.againAt = Instant.MAX;
                    order(member, DeploymentState.RESTORING);
                  });
      case RolloutEffect.RestoreBrokenUnits() -> {}
    }
    return (int) (orders - before);
  }

  private static void promote(Member member) {
    member.late = false;
    if (member.state == DeploymentState.COMMITTED || (member.exists && isUnderWay(member))) {
      member.state = DeploymentState.PENDING;
      member.hasOrder = false;
    }
  }

  private static boolean isUnderWay(Member member) {
    return member.state.isInFlight()
        || member.state == DeploymentState.PENDING
        || member.state == DeploymentState.DEFERRED
        || member.state == DeploymentState.NOT_REACHED;
  }

  private static void closeOut(Member member, boolean catchesUp) {
    if (catchesUp) {
      member.late = member.exists && isUnderWay(member);
    }
    if (member.exists && member.state == DeploymentState.PENDING) {
      member.state = catchesUp ? DeploymentState.DEFERRED : DeploymentState.CANCELLED;
    } else if ((member.state.isInFlight() && !(catchesUp && member.online))
        || member.state == DeploymentState.RESTORING) {
      member.state = DeploymentState.DEFERRED;
    }
  }

  private void offer(Member member) {
    if (member.eligible) {
      order(member, DeploymentState.OFFERED);
      member.late |=
          state.phase() instanceof RolloutPhase.Succeeded || state.promotion().isPresent();
    } else {
      member.state = DeploymentState.NOT_ELIGIBLE;
    }
  }

  private void order(Member member, DeploymentState next) {
    orders++;
    member.state = next;
    member.hasOrder = true;
    member.orderedAt = now;
  }

  void couldNotGoBack(Member member) {
    member.state = DeploymentState.RESTORE_FAILED;
    member.againAt =
        plan.deadlines().restoreAgain(member.restores).map(now::plus).orElse(Instant.MAX);
  }

  private void expire(Member member) {
    if (plan.deadlines()
        .due(member.state, member.orderedAt, member.orderedAt)
        .map(now::isBefore)
        .orElse(true)) {
      return;
    }
    if (member.state.isBeforeTheVersion()) {
      member.state = DeploymentState.NOT_REACHED;
    } else if (member.state.isInFlight()) {
      member.state = DeploymentState.TIMED_OUT;
    } else if (member.state == DeploymentState.RESTORING) {
      couldNotGoBack(member);
    }
  }
}
