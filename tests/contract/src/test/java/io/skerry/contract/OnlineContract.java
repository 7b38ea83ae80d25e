package io.skerry.contract;

import static io.skerry.contract.RolloutFleet.device;
import static io.skerry.contract.RolloutFleet.devices;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotPhase;
import org.junit.jupiter.api.Test;

/** Who is there: births and deaths come late, twice, and out of order. */
interface OnlineContract {
  DeviceId ONE = device(0);

  /** Without devices. */
  Tables tables();

  private RolloutFleet fleet(int devices) {
    RolloutFleet fleet = new RolloutFleet(tables());
    fleet.enrol(0, devices);
    return fleet;
  }

  @Test
  default void theDeathOfAnEarlierBootTellsNothing() {
    fleet(1);
    tables().present(ONE, true, 2);

    tables().present(ONE, false, 1);
    assertThat(tables().isOnline(ONE)).isTrue();

    tables().present(ONE, false, 2);
    assertThat(tables().isOnline(ONE)).isFalse();
    tables().present(ONE, false, 2);
    assertThat(tables().isOnline(ONE)).isFalse();
  }

  @Test
  default void theBirthOfAnEarlierBootBringsNobodyBack() {
    fleet(1);
    tables().present(ONE, true, 3);
    tables().present(ONE, false, 3);

    tables().present(ONE, true, 2);
    assertThat(tables().isOnline(ONE)).isFalse();
    tables().present(ONE, false, 2);

    tables().present(ONE, true, 3);
    assertThat(tables().isOnline(ONE)).as("the same boot connects again").isTrue();
    tables().present(ONE, true, 4);
    tables().present(ONE, false, 3);
    assertThat(tables().isOnline(ONE)).isTrue();
  }

  @Test
  default void theDeathOfABootThatNobodyHeardOfTellsNothing() {
    fleet(1);

    tables().present(ONE, false, 7);

    assertThat(tables().isOnline(ONE)).isTrue();
  }

  @Test
  default void whoIsForgottenIsAwayUntilItSaysOtherwise() {
    fleet(2);
    tables().present(device(1), true, 2);

    tables().forgetPresence();
    assertThat(tables().isOnline(ONE)).isFalse();
    assertThat(tables().isOnline(device(1))).isFalse();

    tables().present(device(1), true, 1);
    assertThat(tables().isOnline(device(1))).as("an earlier boot").isFalse();
    tables().present(device(1), true, 2);
    assertThat(tables().isOnline(device(1))).isTrue();
    assertThat(tables().isOnline(ONE)).isFalse();
  }

  @Test
  default void nobodyIsThereWhoIsNotEnrolled() {
    fleet(1);

    tables().present(new DeviceId("nobody"), true, 1);

    assertThat(tables().isOnline(new DeviceId("nobody"))).isFalse();
  }

  @Test
  default void whoIsForgottenIsOrderedWhenItIsHeardAndKeepsWhatItWasOrdered() {
    RolloutFleet fleet = fleet(3);
    tables().present(device(2), false);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(100)).inFlight(2));
    fleet.look(rollout);
    assertThat(fleet.hear()).hasSameElementsAs(devices(0, 1));
    fleet.report(devices(0), SlotPhase.COMMITTED);

    tables().forgetPresence();
    tables().present(device(0), true);
    fleet.look(rollout);
    assertThat(fleet.hear()).as("nobody is there who waits").isEmpty();
    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.OFFERED)
        .containsEntry(device(2), DeploymentState.PENDING);
    tables().present(device(2), true);
    fleet.look(rollout);
    fleet.pass(Wish.START.plusMinutes(1));
    fleet.look(rollout);

    assertThat(fleet.hear()).isEqualTo(devices(2));
    assertThat(fleet.states(rollout))
        .as("nobody knows how long it is away")
        .containsEntry(device(1), DeploymentState.OFFERED);
  }
}
