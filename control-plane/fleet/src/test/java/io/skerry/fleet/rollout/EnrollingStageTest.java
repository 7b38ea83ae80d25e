package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.protocol.ProfileId;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A stage that devices join all the time, so that some of them are always under way. */
class EnrollingStageTest {
  private static final Duration SOAK = Duration.ofSeconds(10);
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final RolloutPlan.Deadlines DEADLINES = RolloutPlan.Deadlines.forSoak(SOAK);

  private final SimulatedRollout rollout = started(RolloutPlan.Limits.NONE);

  private static SimulatedRollout started(RolloutPlan.Limits limits) {
    SimulatedRollout rollout =
        new SimulatedRollout(
            40,
            new RolloutPlan(
                new RolloutKind.Replace(),
                List.of(StageRule.percent(50), StageRule.percent(100)),
                limits,
                true,
                SOAK,
                DEADLINES,
                RolloutPlan.Approval.NONE,
                GateSettings.DEFAULTS));
    rollout.apply(new RolloutEvent.Start());
    return rollout;
  }

  // One more device comes at each look, and is done at the next one.
  private void lookWhileDevicesCome(Duration time, Evidence evidence) {
    for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plus(LOOK)) {
      rollout.commitOffered();
      SimulatedRollout.Member newcomer = new SimulatedRollout.Member(0, new ProfileId("profile-0"));
      newcomer.exists = true;
      rollout.members.add(newcomer);
      rollout.pass(LOOK);
      rollout.observe(evidence);
    }
  }

  private StageState stage() {
    return rollout.state.stages().getFirst().state();
  }

  @Test
  void isWatchedOnceThoseThatWereThereHadTheirTime() {
    lookWhileDevicesCome(DEADLINES.stage().minus(LOOK), SimulatedRollout.GOOD);
    assertThat(stage()).isEqualTo(StageState.RUNNING);

    lookWhileDevicesCome(LOOK.plus(LOOK), SimulatedRollout.GOOD);

    assertThat(stage()).isEqualTo(StageState.SOAKING);
  }

  @Test
  void passesThoughNewcomersAreUnderWay() {
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(stage()).isEqualTo(StageState.SOAKING);

    lookWhileDevicesCome(SOAK, SimulatedRollout.GOOD);

    assertThat(stage()).isEqualTo(StageState.PASSED);
  }

  @Test
  void isInconclusiveAtItsDeadlineThoughNewcomersAreUnderWay() {
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);

    lookWhileDevicesCome(DEADLINES.stage().plus(LOOK), Evidence.NONE);

    assertThat(stage()).isEqualTo(StageState.INCONCLUSIVE);
    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
  }

  @Test
  void passesThoughADeferredDeviceHasComeBackAndIsUnderWay() {
    SimulatedRollout.Member late = rollout.members.getFirst();
    late.online = false;
    rollout.commitOffered();
    rollout.pass(DEADLINES.stage());
    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(stage()).isEqualTo(StageState.SOAKING);
    late.online = true;
    late.state = DeploymentState.DOWNLOADING;
    late.orderedAt = rollout.now;

    rollout.pass(SOAK);
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(stage()).isEqualTo(StageState.PASSED);
  }

  @Test
  void waitsForWhoeverWasOrderedLateByAPace() {
    SimulatedRollout slow =
        started(
            new RolloutPlan.Limits(
                0, new Pace(6, 1, 1, Pace.Growth.NOTIFIED, 6), 1000, 500, List.of()));
    while (slow.count(DeploymentState.COMMITTED) < 19) {
      slow.commitOffered();
      slow.pass(LOOK);
      slow.observe(SimulatedRollout.GOOD);
    }
    assertThat(slow.now).isAfter(SimulatedRollout.START.plus(DEADLINES.stage()));
    while (slow.count(DeploymentState.OFFERED) == 0) {
      slow.pass(LOOK);
      slow.observe(SimulatedRollout.GOOD);
    }

    slow.pass(LOOK);
    slow.observe(SimulatedRollout.GOOD);
    assertThat(slow.state.stages().getFirst().state()).isEqualTo(StageState.RUNNING);
    slow.commitOffered();
    slow.observe(SimulatedRollout.GOOD);
    assertThat(slow.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);
  }

  @Test
  void bringsTheVersionAfterTheEndToWhoeverWaitedOrWasUnderWay() {
    for (int stage = 0; stage < 2; stage++) {
      assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(stage));
      rollout.observe(SimulatedRollout.GOOD);
      rollout.commitOffered();
      rollout.observe(SimulatedRollout.GOOD);
      assertThat(rollout.state.stages().get(stage).state()).isEqualTo(StageState.SOAKING);
      if (stage == 0) {
        rollout.pass(SOAK);
        rollout.observe(SimulatedRollout.GOOD);
      }
    }
    SimulatedRollout.Member waiting = newcomer(DeploymentState.PENDING);
    SimulatedRollout.Member underWay = newcomer(DeploymentState.DOWNLOADING);
    SimulatedRollout.Member away = newcomer(DeploymentState.PENDING);
    waiting.online = false;
    away.online = false;
    rollout.pass(SOAK);
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(waiting.state).isEqualTo(DeploymentState.DEFERRED);
    assertThat(underWay.state).as("expires if it hangs").isEqualTo(DeploymentState.DOWNLOADING);
    waiting.online = true;
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(waiting.state).isEqualTo(DeploymentState.OFFERED);
    assertThat(away.state).isEqualTo(DeploymentState.DEFERRED);
  }

  private SimulatedRollout.Member newcomer(DeploymentState state) {
    SimulatedRollout.Member newcomer = new SimulatedRollout.Member(1, new ProfileId("profile-0"));
    newcomer.exists = true;
    newcomer.state = state;
    newcomer.orderedAt = rollout.now;
    rollout.members.add(newcomer);
    return newcomer;
  }

  @Test
  void isWatchedAlsoOutsideTheWindowsThoughNewcomersWait() {
    SimulatedRollout nightly =
        started(
            new RolloutPlan.Limits(
                0,
                Pace.UNLIMITED,
                1000,
                500,
                List.of(
                    new MaintenanceWindow(
                        List.of(DayOfWeek.values()),
                        LocalTime.ofInstant(SimulatedRollout.START, ZoneOffset.UTC),
                        Duration.ofMinutes(1),
                        ZoneOffset.UTC))));
    nightly.observe(SimulatedRollout.GOOD);
    nightly.commitOffered();
    nightly.observe(SimulatedRollout.GOOD);
    assertThat(nightly.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);
    SimulatedRollout.Member newcomer = new SimulatedRollout.Member(0, new ProfileId("profile-0"));
    newcomer.exists = true;
    nightly.members.add(newcomer);

    nightly.pass(Duration.ofMinutes(1).plus(SOAK));
    nightly.observe(SimulatedRollout.GOOD);

    assertThat(nightly.state.stages().getFirst().state()).isEqualTo(StageState.PASSED);
    assertThat(newcomer.state).isEqualTo(DeploymentState.PENDING);
  }

  @Test
  void isJudgedAsItWasWhereItWasStoredEarlier() {
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);
    SimulatedRollout.Member newcomer = new SimulatedRollout.Member(0, new ProfileId("profile-0"));
    newcomer.exists = true;
    newcomer.state = DeploymentState.DOWNLOADING;
    rollout.members.add(newcomer);
    rollout.pass(SOAK);

    rollout.apply(
        new RolloutEvent.Observed(rollout.census(), SimulatedRollout.GOOD, rollout.heardSince, 5));
    assertThat(stage()).isEqualTo(StageState.SOAKING);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(stage()).isEqualTo(StageState.PASSED);
  }
}
