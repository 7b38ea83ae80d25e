package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateSettings;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a person can do about a gate that has paused a rollout. */
class AcceptedGatesTest {
  private static final Duration SOAK = Duration.ofSeconds(10);

  private final SimulatedRollout rollout =
      started(
          new RolloutKind.Replace(),
          0,
          GateSettings.DEFAULTS.with(GateSettings.DEFAULTS.failures().doing(GateAction.PAUSE)));

  private static SimulatedRollout started(RolloutKind kind, int holdback, GateSettings gates) {
    SimulatedRollout rollout =
        new SimulatedRollout(
            60,
            new RolloutPlan(
                kind,
                List.of(StageRule.percent(30), StageRule.percent(60), StageRule.percent(100)),
                new RolloutPlan.Limits(holdback, Pace.UNLIMITED, Integer.MAX_VALUE, 500, List.of()),
                false,
                SOAK,
                RolloutPlan.Deadlines.forSoak(SOAK),
                RolloutPlan.Approval.NONE,
                gates));
    rollout.apply(new RolloutEvent.Start());
    return rollout;
  }

  private void end(int stage, DeploymentState state) {
    rollout.members.stream()
        .filter(member -> member.stage == stage)
        .forEach(member -> member.state = state);
    rollout.observe(SimulatedRollout.GOOD);
  }

  private void promote() {
    assertThat(
            rollout
                .apply(
                    new RolloutEvent.Promote(
                        "they are old boards", RolloutMachine.failedGates(rollout.state)))
                .refusal())
        .isEmpty();
  }

  @Test
  void refusesToGoOnWhileTheGateStillFailsAndSaysWhatElseCanBeDone() {
    end(0, DeploymentState.FAILED);
    assertThat(rollout.state.phase())
        .isInstanceOfSatisfying(
            RolloutPhase.Paused.class,
            paused -> assertThat(paused.why()).isEqualTo(PauseReason.GATE_FAILED));

    assertThat(rollout.apply(new RolloutEvent.Resume()).refusal())
        .hasValue(
            "device-failures still fails and would pause it again: promote it to accept that, or"
                + " abort it");

    assertThat(RolloutAct.allowedIn(rollout.plan, rollout.state))
        .contains(RolloutAct.PROMOTE, RolloutAct.ABORT)
        .doesNotContain(RolloutAct.RESUME);
  }

  @Test
  void goesOnOnceTheGateFailsNoMore() {
    end(0, DeploymentState.FAILED);
    end(0, DeploymentState.COMMITTED);

    assertThat(RolloutAct.allowedIn(rollout.plan, rollout.state)).contains(RolloutAct.RESUME);
    assertThat(rollout.apply(new RolloutEvent.Resume()).refusal()).isEmpty();
    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(0));
  }

  @Test
  void resumesAsItDidWhereThatWasStoredEarlier() {
    end(0, DeploymentState.FAILED);

    assertThat(rollout.apply(new RolloutEvent.Resume("", 0)).refusal()).isEmpty();
  }

  @Test
  void promotingAcceptsTheGateAndNamesIt() {
    end(0, DeploymentState.FAILED);

    promote();

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(1));
    assertThat(rollout.state.stages().getFirst().reason())
        .isEqualTo("promoted although device-failures failed: they are old boards");
    assertThat(rollout.state.accepted()).containsExactly("device-failures");
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(rollout.count(DeploymentState.OFFERED)).as("offers the next stage").isPositive();
    for (int stage = 1; stage < 3; stage++) {
      end(stage, DeploymentState.COMMITTED);
      rollout.pass(SOAK);
      rollout.observe(SimulatedRollout.GOOD);
    }
    assertThat(rollout.state.phase().code()).isEqualTo("SUCCEEDED");
  }

  @Test
  void pausesAgainWhenALaterStagesOwnDevicesFailTheGateToo() {
    end(0, DeploymentState.FAILED);
    promote();

    end(1, DeploymentState.FAILED);

    assertThat(RolloutMachine.failedGates(rollout.state)).containsExactly("device-failures");
    assertThat(rollout.state.phase().explanation()).contains("(stage)").doesNotContain("(pooled)");
  }

  @Test
  void isAnotherDecisionForAPersonWhenOtherGatesFailWhileItIsPaused() {
    end(0, DeploymentState.FAILED);
    RolloutState seen = rollout.state;

    end(0, DeploymentState.FAILED);
    assertThat(rollout.state.isDecidedLike(seen)).as("the same gate").isTrue();
    end(0, DeploymentState.COMMITTED);

    assertThat(rollout.state.phase()).isEqualTo(seen.phase());
    assertThat(rollout.state.isDecidedLike(seen)).as("none").isFalse();
  }

  @Test
  void acceptsNothingThatWasNotNamed() {
    end(0, DeploymentState.FAILED);

    rollout.apply(new RolloutEvent.Promote("as it was stored earlier"));
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
  }

  @Test
  void tellsOfATrialWhatItsStagesShowedAndNotItsHoldback() {
    SimulatedRollout trial = started(new RolloutKind.Split(.5, true), 5, GateSettings.DEFAULTS);
    for (int stage = 0; stage < 3; stage++) {
      trial.commitOffered();
      trial.observe(SimulatedRollout.GOOD);
      trial.pass(SOAK);
      trial.observe(SimulatedRollout.GOOD);
    }

    trial.commitOffered();
    trial.observe(SimulatedRollout.GOOD);

    assertThat(trial.state.promotion().orElseThrow().verdict())
        .contains("failed-predictions", "latency-p99");
  }
}
