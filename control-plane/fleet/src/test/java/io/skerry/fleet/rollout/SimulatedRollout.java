package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateResult;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Carries out a rollout's effects on devices in memory. */
final class SimulatedRollout {
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  final RolloutPlan plan;
  final List<Member> members = new ArrayList<>();
  RolloutState state;
  Instant now = START;
  int stagesOpened;
  boolean replacing = true;

  static final class Member {
    final int stage;
    DeploymentState state = DeploymentState.PENDING;
    boolean online = true;
    Instant orderedAt = START;

    Member(int stage) {
      this.stage = stage;
    }
  }

  SimulatedRollout(int devices, List<Integer> percents, Duration soak) {
    plan = new RolloutPlan(percents, soak, RolloutPlan.Deadlines.forSoak(soak));
    state = RolloutState.ready(plan);
    List<StageMembership.Candidate> candidates = new ArrayList<>();
    for (int device = 0; device < devices; device++) {
      candidates.add(
          new StageMembership.Candidate(
              new DeviceId("device-" + device), new ProfileId("profile-" + device % 4)));
    }
    List<List<StageMembership.Candidate>> stages =
        StageMembership.assign(candidates, "salt", percents);
    for (int stage = 0; stage < stages.size(); stage++) {
      for (int i = 0; i < stages.get(stage).size(); i++) {
        members.add(new Member(stage));
      }
    }
  }

  RolloutMachine.Step apply(RolloutEvent event) {
    RolloutMachine.Step step = RolloutMachine.step(plan, state, event, now);
    state = step.state();
    step.effects().forEach(this::carryOut);
    return step;
  }

  RolloutMachine.Step observe(GateResult... gates) {
    return apply(new RolloutEvent.Observed(census(), List.of(gates)));
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
    }
    if (!member.online) {
      return;
    }
    member.state =
        switch (member.state) {
          case OFFERED, DEFERRED ->
              random.nextBoolean() ? DeploymentState.IN_PROGRESS : DeploymentState.REJECTED;
          case IN_PROGRESS ->
              random.nextInt(4) > 0 ? DeploymentState.COMMITTED : DeploymentState.ROLLED_BACK;
          case RESTORING -> DeploymentState.RESTORED;
          case PENDING, COMMITTED, REJECTED, FAILED, ROLLED_BACK -> member.state;
          case RESTORED, RESTORE_FAILED -> member.state;
        };
  }

  List<StageCensus> census() {
    List<StageCensus> census = new ArrayList<>();
    for (int stage = 0; stage < plan.percents().size(); stage++) {
      Map<DeploymentState, Integer> online = new EnumMap<>(DeploymentState.class);
      Map<DeploymentState, Integer> offline = new EnumMap<>(DeploymentState.class);
      int touched = 0;
      for (Member member : members) {
        if (member.stage == stage) {
          (member.online ? online : offline).merge(member.state, 1, Integer::sum);
          touched += member.state == DeploymentState.PENDING ? 0 : 1;
        }
      }
      census.add(new StageCensus(online, offline, replacing ? touched : 0));
    }
    return census;
  }

  long count(DeploymentState wanted) {
    return members.stream().filter(member -> member.state == wanted).count();
  }

  private void carryOut(RolloutEffect effect) {
    switch (effect) {
      case RolloutEffect.OfferStage(int stage) -> {
        stagesOpened = Math.max(stagesOpened, stage + 1);
        members.stream()
            .filter(member -> member.stage == stage && member.state == DeploymentState.PENDING)
            .forEach(member -> order(member, DeploymentState.OFFERED));
      }
      case RolloutEffect.FailOverdue(Instant offeredUntil, Instant startedUntil) ->
          members.stream()
              .filter(member -> member.online)
              .forEach(member -> expire(member, offeredUntil, startedUntil));
      case RolloutEffect.DeferOffline(int stage) ->
          members.stream()
              .filter(member -> member.stage == stage && !member.online)
              .filter(
                  member ->
                      member.state == DeploymentState.OFFERED
                          || member.state == DeploymentState.IN_PROGRESS)
              .forEach(member -> member.state = DeploymentState.DEFERRED);
      case RolloutEffect.RestoreUnstarted _ ->
          members.stream()
              .filter(
                  member ->
                      member.state == DeploymentState.OFFERED
                          || member.state == DeploymentState.DEFERRED)
              .forEach(member -> order(member, DeploymentState.RESTORING));
      case RolloutEffect.RestoreTouched _ ->
          members.stream()
              .filter(member -> member.state != DeploymentState.PENDING)
              .forEach(member -> order(member, DeploymentState.RESTORING));
    }
  }

  private void order(Member member, DeploymentState next) {
    member.state = next;
    member.orderedAt = now;
  }

  private static void expire(Member member, Instant offeredUntil, Instant startedUntil) {
    member.state =
        switch (member.state) {
          case OFFERED ->
              member.orderedAt.isAfter(offeredUntil) ? member.state : DeploymentState.FAILED;
          case IN_PROGRESS ->
              member.orderedAt.isAfter(startedUntil) ? member.state : DeploymentState.FAILED;
          case RESTORING ->
              member.orderedAt.isAfter(startedUntil)
                  ? member.state
                  : DeploymentState.RESTORE_FAILED;
          case PENDING, COMMITTED, REJECTED, FAILED, ROLLED_BACK -> member.state;
          case DEFERRED, RESTORED, RESTORE_FAILED -> member.state;
        };
  }
}
