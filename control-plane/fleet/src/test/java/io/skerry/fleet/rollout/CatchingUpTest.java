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

    assertThat(begun.judged(fallen, LIMIT).held()).isEmpty();
    assertThat(begun.judged(caughtUp, LIMIT).held()).isEmpty();
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

    assertThat(begun.judged(mostAreGood, LIMIT).held()).isEmpty();
    assertThat(begun.judged(noneIsGood, LIMIT).held())
        .contains("10 of 10 devices failed the update");
  }
}
