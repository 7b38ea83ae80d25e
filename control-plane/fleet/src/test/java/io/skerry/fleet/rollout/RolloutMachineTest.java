package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.Verdict;
import io.skerry.protocol.RolloutId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RolloutMachineTest {
  private static final Duration SOAK = Duration.ofSeconds(10);
  private static final GateResult PASS = gate(Verdict.PASS, GateAction.ROLLBACK);
  private static final GateResult FAIL = gate(Verdict.FAIL, GateAction.ROLLBACK);
  private static final GateResult NO_DATA = gate(Verdict.NO_DATA, GateAction.ROLLBACK);

  @Test
  void succeedsAfterEveryStageSoakedAndPassed() {
    SimulatedRollout rollout = started();

    for (int stage = 0; stage < 3; stage++) {
      rollout.commitOffered();
      rollout.observe(PASS);
      assertThat(rollout.state.stages().get(stage).state()).isEqualTo(StageState.SOAKING);
      rollout.pass(SOAK);
      rollout.observe(PASS);
      assertThat(rollout.state.stages().get(stage).state()).isEqualTo(StageState.PASSED);
    }

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Succeeded());
    assertThat(rollout.count(DeploymentState.COMMITTED)).isEqualTo(51);
  }

  @Test
  void doesNotOpenTheNextStageBeforeTheSoakIsOver() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(PASS);

    rollout.pass(SOAK.minusMillis(1));
    rollout.observe(PASS);

    assertThat(rollout.stagesOpened).isEqualTo(1);
  }

  @Test
  void takesSilenceForNoSuccess() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(NO_DATA);

    rollout.pass(SOAK.multipliedBy(2));
    rollout.observe(NO_DATA);
    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(0));
    rollout.pass(rollout.plan.deadlines().stage());
    rollout.observe(NO_DATA);

    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.INCONCLUSIVE);
    assertThat(rollout.state.phase().explanation()).contains("NO_DATA");
  }

  @Test
  void rollsEveryTouchedDeviceBackWhenHarmIsShown() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    long touched = rollout.count(DeploymentState.COMMITTED);

    rollout.observe(FAIL);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");
    assertThat(rollout.count(DeploymentState.RESTORING)).isEqualTo(touched);
    rollout.members.forEach(
        member -> {
          if (member.state == DeploymentState.RESTORING) {
            member.state = DeploymentState.RESTORED;
          }
        });
    rollout.observe(FAIL);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(rollout.stagesOpened).isEqualTo(1);
  }

  @Test
  void endsRollingBackWithoutDevicesThatAreOffline() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(FAIL);

    rollout.members.forEach(member -> member.online = false);
    rollout.observe(FAIL);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
  }

  @Test
  void holdsInsteadOfRollingBackWithoutAVersionBefore() {
    SimulatedRollout rollout = started();
    rollout.replacing = false;
    rollout.commitOffered();

    rollout.observe(FAIL);
    rollout.observe(FAIL);

    assertThat(rollout.state.phase().code()).isEqualTo("ABORTED");
    assertThat(rollout.count(DeploymentState.COMMITTED)).isPositive();
  }

  @Test
  void defersOfflineDevicesAtTheStageDeadlineAndGoesOn() {
    SimulatedRollout rollout = started();
    rollout.members.getFirst().online = false;
    rollout.commitOffered();
    rollout.observe(PASS);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.RUNNING);

    rollout.pass(rollout.plan.deadlines().stage());
    rollout.observe(PASS);
    rollout.observe(PASS);

    assertThat(rollout.members.getFirst().state).isEqualTo(DeploymentState.DEFERRED);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);
  }

  @Test
  void failsOnlineDevicesThatNeverBegin() {
    SimulatedRollout rollout = started();

    rollout.pass(rollout.plan.deadlines().start());
    rollout.observe(PASS);

    assertThat(rollout.count(DeploymentState.OFFERED)).isZero();
    assertThat(rollout.count(DeploymentState.FAILED)).isPositive();
  }

  @Test
  void opensNothingWhilePausedButStillActsOnHarm() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.Pause("lunch"));
    rollout.pass(SOAK.multipliedBy(3));
    rollout.observe(PASS);
    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");

    rollout.observe(FAIL);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");
  }

  @Test
  void refusesWhatAPhaseDoesNotAllow() {
    SimulatedRollout rollout = started();
    rollout.apply(new RolloutEvent.Supersede(new RolloutId("newer")));

    assertThat(rollout.apply(new RolloutEvent.Start()).refusal()).isPresent();
    assertThat(rollout.apply(new RolloutEvent.Pause("x")).refusal()).isPresent();
    assertThat(rollout.apply(new RolloutEvent.RollBack("x")).refusal())
        .hasValue("a rollout that is SUPERSEDED cannot be rolled back");
  }

  @Test
  void keepsItsPromisesInRandomOrdersOfEvents() {
    for (long seed = 0; seed < 400; seed++) {
      Random random = new Random(seed);
      SimulatedRollout rollout = started();
      for (int step = 0; step < 300; step++) {
        RolloutState before = rollout.state;
        List<RolloutEffect> effects = disturb(rollout, random);
        if (before.phase().isTerminal()) {
          assertThat(rollout.state).as("seed %d: terminal stays terminal", seed).isEqualTo(before);
          assertThat(effects).isEmpty();
        }
        for (SimulatedRollout.Member member : rollout.members) {
          if (member.stage >= rollout.stagesOpened) {
            assertThat(member.state)
                .as("seed %d: untouched outside the open stages", seed)
                .isEqualTo(DeploymentState.PENDING);
          }
        }
        assertThat(rollout.stagesOpened).isLessThanOrEqualTo(openStages(rollout.state));
        assertThat(rollout.census().stream().mapToInt(StageCensus::devices).sum()).isEqualTo(51);
      }
    }
  }

  private static int openStages(RolloutState state) {
    return (int)
        state.stages().stream().filter(stage -> stage.state() != StageState.PENDING).count();
  }

  private static List<RolloutEffect> disturb(SimulatedRollout rollout, Random random) {
    rollout.pass(Duration.ofMillis(random.nextInt(2000)));
    RolloutEvent event =
        switch (random.nextInt(200)) {
          case 0 -> new RolloutEvent.Abort("random");
          case 1 -> new RolloutEvent.RollBack("random");
          case 2 -> new RolloutEvent.Pause("random");
          case 3, 4 -> new RolloutEvent.Promote("random");
          case 5 -> new RolloutEvent.Supersede(new RolloutId("newer"));
          case 6, 7, 8, 9 -> new RolloutEvent.Resume();
          case 10 -> new RolloutEvent.Observed(rollout.census(), List.of(FAIL));
          case 11, 12 -> new RolloutEvent.Observed(rollout.census(), List.of(NO_DATA));
          default -> new RolloutEvent.Observed(rollout.census(), List.of(PASS));
        };
    for (int i = 0; i < 5; i++) {
      rollout.progressRandomly(random);
    }
    return rollout.apply(event).effects();
  }

  private static SimulatedRollout started() {
    SimulatedRollout rollout = new SimulatedRollout(51, List.of(10, 40, 100), SOAK);
    rollout.apply(new RolloutEvent.Start());
    return rollout;
  }

  private static GateResult gate(Verdict verdict, GateAction action) {
    return new GateResult("test", GateResult.POOLED, verdict, "because", true, action, Map.of());
  }
}
