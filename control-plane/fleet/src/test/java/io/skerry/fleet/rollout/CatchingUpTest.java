package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.ShareLimit;
import io.skerry.protocol.ProfileId;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Which failures after a success keep the version from those who have not got it yet. */
class CatchingUpTest {
  private static final ShareLimit LIMIT = new ShareLimit(0.2, 3, true, GateAction.ROLLBACK);

  private final CatchingUp begun =
      CatchingUp.begun(
          census(cell(DeploymentState.COMMITTED, 99), cell(DeploymentState.DEFERRED, 1)));

  private static Census census(Census.Cell... cells) {
    return new Census(Arrays.asList(cells));
  }

  private static Census.Cell cell(DeploymentState state, int devices) {
    return new Census.Cell(0, new ProfileId("x86-64-avx2"), state, true, true, devices);
  }

  @Test
  void devicesOfTheStagesThatFallLaterAreNotThoseThatCatchUp() {
    Census fallen =
        census(
            cell(DeploymentState.COMMITTED, 97),
            cell(DeploymentState.ROLLED_BACK, 2),
            cell(DeploymentState.DEFERRED, 1));
    Census caughtUp =
        census(cell(DeploymentState.COMMITTED, 98), cell(DeploymentState.ROLLED_BACK, 2));

    assertThat(begun.judgedSince(fallen, LIMIT).held()).isEmpty();
    assertThat(begun.judgedSince(caughtUp, LIMIT).held()).isEmpty();
  }

  private static Census.Cell late(DeploymentState state, int devices) {
    return new Census.Cell(0, new ProfileId("x86-64-avx2"), state, true, true, true, devices);
  }

  @Test
  void goodLateDevicesAreNotTakenForTheStagesDevicesThatFell() {
    Census fallen =
        census(
            cell(DeploymentState.COMMITTED, 97),
            cell(DeploymentState.ROLLED_BACK, 2),
            late(DeploymentState.COMMITTED, 2));
    Census bad =
        census(
            cell(DeploymentState.COMMITTED, 99),
            late(DeploymentState.ROLLED_BACK, 3),
            late(DeploymentState.COMMITTED, 1));

    assertThat(begun.judged(fallen, LIMIT).held()).isEmpty();
    assertThat(begun.judged(bad, LIMIT).held()).contains("3 of 4 devices failed the update");
  }

  @Test
  void devicesThatAreRemovedAreNoGoodOnes() {
    Census replaced =
        census(
            cell(DeploymentState.COMMITTED, 89),
            cell(DeploymentState.REMOVED, 10),
            late(DeploymentState.REMOVED, 10),
            late(DeploymentState.ROLLED_BACK, 3));

    assertThat(begun.judged(replaced, LIMIT).held()).contains("3 of 3 devices failed the update");
  }

  @Test
  void newcomersAreJudgedByThemselvesWhereTheyReplaceOthers() {
    Census mostAreGood =
        census(
            cell(DeploymentState.COMMITTED, 99),
            cell(DeploymentState.ROLLED_BACK, 2),
            cell(DeploymentState.REMOVED, 10));
    Census noneIsGood =
        census(
            cell(DeploymentState.COMMITTED, 89),
            cell(DeploymentState.ROLLED_BACK, 10),
            cell(DeploymentState.REMOVED, 10));

    assertThat(begun.judgedSince(mostAreGood, LIMIT).held()).isEmpty();
    assertThat(begun.judgedSince(noneIsGood, LIMIT).held())
        .contains("10 of 10 devices failed the update");
  }
}
