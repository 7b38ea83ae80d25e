package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.Verdict;
import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices that fail an update do so in seconds; those that succeed take minutes. */
class EarlyFailuresTest {
  private static final ProfileId PROFILE = new ProfileId("x86-64-avx2");
  private static final RolloutPlan PLAN =
      RolloutPlan.ofPercents(
          List.of(50, 100), Duration.ofSeconds(10), RolloutPlan.Deadlines.DEFAULTS);

  @ParameterizedTest
  @ValueSource(ints = {2, 5, 10, 20})
  void doNotStopAStageWhoseOtherDevicesAreOnTheirWay(int failed) {
    Census early = of(cell(0, DeploymentState.REJECTED, failed), under(0, 100 - failed));

    assertThat(phase(early, RolloutEvent.Observed.RULES)).isEqualTo("RUNNING");
    assertThat(phase(early, 4)).as("kept from before: as it was judged").isEqualTo("ROLLING_BACK");
    assertThat(gates(0, early))
        .singleElement()
        .satisfies(
            gate -> {
              assertThat(gate.blocks()).as("proves nothing yet").isTrue();
              assertThat(gate.reason())
                  .startsWith(failed + " of " + failed + " devices failed the update, ")
                  .contains(100 - failed + " more are under way");
            });
  }

  @Test
  void doNotStopALaterStageEither() {
    Census early =
        of(
            cell(0, DeploymentState.COMMITTED, 100),
            cell(1, DeploymentState.REJECTED, 2),
            under(1, 98));

    assertThat(gates(1, early)).noneMatch(gate -> gate.verdict() == Verdict.FAIL);
  }

  @Test
  void stopAStageOnceTooManyHaveFailedWhateverTheOthersDo() {
    Census bad = of(cell(0, DeploymentState.FAILED, 40), under(0, 60));

    assertThat(phase(bad, RolloutEvent.Observed.RULES)).isEqualTo("ROLLING_BACK");
  }

  @Test
  void areNotOutweighedByDevicesThatWereNotOfferedOrAreAway() {
    Census away =
        of(
            cell(0, DeploymentState.FAILED, 3),
            cell(0, DeploymentState.PENDING, 50),
            new Census.Cell(0, PROFILE, DeploymentState.PROBATION, false, true, 47));

    assertThat(gates(0, away)).anyMatch(gate -> gate.verdict() == Verdict.FAIL);
  }

  @Test
  void letAStagePassByThoseThatEndedOnly() {
    Census under = of(cell(0, DeploymentState.COMMITTED, 2), under(0, 98));

    assertThat(gates(0, under)).allMatch(GateResult::blocks);
    assertThat(
            gates(
                0, of(cell(0, DeploymentState.COMMITTED, 98), cell(0, DeploymentState.FAILED, 2))))
        .noneMatch(GateResult::blocks);
  }

  private static List<GateResult> gates(int stage, Census census) {
    return RolloutMachine.judge(PLAN, stage, census, Evidence.NONE).stream()
        .filter(gate -> gate.gate().equals("device-failures"))
        .filter(
            gate -> gate.scope().equals(GateResult.POOLED) || gate.scope().equals(GateResult.STAGE))
        .toList();
  }

  private static String phase(Census census, int rules) {
    RolloutState running =
        RolloutMachine.step(
                PLAN, RolloutState.ready(PLAN), new RolloutEvent.Start(), SimulatedRollout.START)
            .state();
    return RolloutMachine.step(
            PLAN,
            running,
            new RolloutEvent.Observed(census, Evidence.NONE, Instant.EPOCH, rules),
            SimulatedRollout.START.plusSeconds(5))
        .state()
        .phase()
        .code();
  }

  private static Census of(Census.Cell... cells) {
    return new Census(List.of(cells));
  }

  private static Census.Cell under(int stage, int devices) {
    return cell(stage, DeploymentState.DOWNLOADING, devices);
  }

  private static Census.Cell cell(int stage, DeploymentState state, int devices) {
    return new Census.Cell(stage, PROFILE, state, true, true, devices);
  }
}
