package io.skerry.contract;

import static io.skerry.contract.RolloutFleet.BOARD;
import static io.skerry.contract.RolloutFleet.GATEWAY;
import static io.skerry.contract.RolloutFleet.OF_BOARD;
import static io.skerry.contract.RolloutFleet.WITHOUT_ENGINE;
import static io.skerry.contract.RolloutFleet.WITHOUT_PROFILE;
import static io.skerry.contract.RolloutFleet.WITHOUT_VARIANT;
import static io.skerry.contract.RolloutFleet.device;
import static io.skerry.contract.RolloutFleet.devices;
import static io.skerry.contract.RolloutFleet.ranked;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotPhase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the devices of a rollout are ordered, how many at a time, and what is taken back. */
interface RolloutOrdersContract {
  Wish TO_ALL = Wish.of(1, StageRule.percent(100));

  /** Without devices. */
  Tables tables();

  private RolloutFleet fleet(int devices) {
    RolloutFleet fleet = new RolloutFleet(tables());
    fleet.enrol(0, devices);
    return fleet;
  }

  private static List<DeviceId> first(int count) {
    return IntStream.range(0, count).mapToObj(RolloutFleet::device).toList();
  }

  private void away(List<DeviceId> devices) {
    devices.forEach(device -> tables().present(device, false));
  }

  private void back(List<DeviceId> devices) {
    devices.forEach(device -> tables().present(device, true));
  }

  @Test
  default void aDeviceIsOrderedTheVariantOfWhatItIsThen() {
    RolloutFleet fleet = fleet(3);
    away(devices(1));
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.becomes(device(1), OF_BOARD);
    back(devices(1));

    fleet.look(rollout);
    fleet.hear();

    assertThat(fleet.ordered(device(0))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, BOARD));
    assertThat(fleet.census(rollout).cells())
        .anyMatch(cell -> cell.profile().value().equals(BOARD) && cell.devices() == 1);
  }

  @Test
  default void whoCanNoLongerRunItLeavesAndAnotherIsChosen() {
    RolloutFleet fleet = fleet(4);
    away(first(4));
    RolloutId rollout = fleet.begin(TO_ALL.inFlight(1));
    List<DeviceId> ranked = ranked(rollout, first(4));
    fleet.becomes(ranked.get(0), WITHOUT_ENGINE);
    fleet.becomes(ranked.get(1), WITHOUT_PROFILE);
    back(first(4));

    fleet.look(rollout);

    assertThat(fleet.states(rollout))
        .containsEntry(ranked.get(0), DeploymentState.NOT_ELIGIBLE)
        .containsEntry(ranked.get(1), DeploymentState.NOT_ELIGIBLE)
        .containsEntry(ranked.get(2), DeploymentState.OFFERED)
        .containsEntry(ranked.get(3), DeploymentState.PENDING);
    assertThat(fleet.hear()).containsExactly(ranked.get(2));
    assertThat(fleet.census(rollout).touched()).isEqualTo(1);
    assertThat(tables().outsiders(rollout).get(ranked.get(1)))
        .isEqualTo("its hardware matches no profile");
  }

  @Test
  default void whatAnEarlierAttemptOrderedIsTakenBackFromWhoLeaves() {
    RolloutFleet fleet = fleet(2);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.FAILED);
    fleet.look(rollout);
    fleet.becomes(device(1), WITHOUT_ENGINE);

    fleet.act(rollout, new RolloutEvent.Retry("tested"));
    fleet.look(rollout);
    fleet.hear();

    assertThat(fleet.states(rollout))
        .containsEntry(device(0), DeploymentState.OFFERED)
        .containsEntry(device(1), DeploymentState.NOT_ELIGIBLE);
    assertThat(fleet.ordered(device(1))).isEmpty();
  }

  @Test
  default void whoRunsItAlreadyIsOrderedNothing() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    fleet.enrol(2, 3);

    RolloutId again = fleet.begin(TO_ALL);
    fleet.look(again);

    assertThat(fleet.states(again))
        .containsEntry(device(0), DeploymentState.ALREADY_INSTALLED)
        .containsEntry(device(1), DeploymentState.ALREADY_INSTALLED)
        .containsEntry(device(2), DeploymentState.OFFERED);
    assertThat(fleet.hear()).containsExactly(device(2));
    assertThat(fleet.census(again).touched()).isEqualTo(1);
  }

  @Test
  default void noMoreAreUnderWayThanTheLimitBestRankFirst() {
    RolloutFleet fleet = fleet(6);
    RolloutId rollout = fleet.begin(TO_ALL.inFlight(2));
    List<DeviceId> ranked = ranked(rollout, first(6));
    fleet.look(rollout);
    fleet.look(rollout);
    assertThat(fleet.hear()).hasSameElementsAs(ranked.subList(0, 2));

    fleet.report(List.of(ranked.getFirst()), SlotPhase.COMMITTED);
    fleet.look(rollout);

    assertThat(fleet.hear()).containsExactly(ranked.get(2));
    assertThat(fleet.in(rollout, DeploymentState.PENDING)).hasSize(3);
  }

  @Test
  default void ordersAreGivenAtThePace() {
    RolloutFleet fleet = fleet(12);
    Pace pace = new Pace(6, 2, 3, Pace.Growth.NOTIFIED, 12);
    RolloutId rollout = fleet.begin(TO_ALL.at(pace));
    List<DeviceId> ranked = ranked(rollout, first(12));
    fleet.look(rollout);
    assertThat(fleet.hear()).containsExactly(ranked.getFirst());
    fleet.look(rollout);
    assertThat(fleet.hear()).isEmpty();

    fleet.pass(Duration.ofSeconds(10));
    fleet.look(rollout);
    assertThat(fleet.hear()).containsExactly(ranked.get(1));
    fleet.pass(Duration.ofSeconds(10));
    fleet.look(rollout);
    assertThat(fleet.hear()).containsExactly(ranked.get(2));
    fleet.pass(Duration.ofSeconds(10));
    fleet.look(rollout);

    assertThat(fleet.hear()).as("twice as fast after three").hasSize(2);
  }

  @Test
  default void aPaceIsPaidForWhatWasOrdered() {
    RolloutFleet fleet = fleet(6);
    away(first(6));
    RolloutId rollout = fleet.begin(TO_ALL.at(new Pace(60, 1, 1, Pace.Growth.NOTIFIED, 60)));
    List<DeviceId> ranked = ranked(rollout, first(6));
    ranked.subList(0, 3).forEach(device -> fleet.becomes(device, WITHOUT_ENGINE));
    back(ranked.subList(0, 3));
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.NOT_ELIGIBLE)).hasSize(3);
    double left = fleet.state(rollout).permits();

    back(ranked.subList(3, 6));
    fleet.look(rollout);

    assertThat(left).isEqualTo(10);
    assertThat(fleet.in(rollout, DeploymentState.OFFERED)).hasSize(3);
    assertThat(fleet.state(rollout).permits()).isEqualTo(7);
  }

  @Test
  default void lateDevicesCatchUpUnderALimitOfTheirOwn() {
    RolloutFleet fleet = fleet(6);
    List<DeviceId> gone = devices(1, 2, 3, 4, 5);
    away(gone);
    RolloutId rollout = fleet.begin(TO_ALL.catchUp(2));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.DEFERRED)).hasSameElementsAs(gone);

    back(gone);
    fleet.look(rollout);
    List<DeviceId> caughtUp = fleet.hear();
    assertThat(caughtUp).hasSameElementsAs(ranked(rollout, gone).subList(0, 2));
    fleet.look(rollout);
    assertThat(fleet.hear()).isEmpty();
    fleet.report(caughtUp, SlotPhase.COMMITTED);
    fleet.look(rollout);

    assertThat(fleet.hear()).hasSize(2);
    assertThat(fleet.in(rollout, DeploymentState.COMMITTED)).hasSize(3);
  }

  /** Two that fall after the success are none of the good two that caught up. */
  @Test
  default void whoFallsLaterKeepsNobodyFromCatchingUp() {
    RolloutFleet fleet = fleet(8);
    away(devices(5, 6, 7));
    RolloutId rollout = fleet.begin(TO_ALL.catchUp(2));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    fleet.act(rollout, new RolloutEvent.Promote("tested"));
    back(devices(5, 6));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.COMMITTED)).hasSize(7);

    fleet.report(devices(0, 1), SlotPhase.ROLLED_BACK);
    fleet.look(rollout);
    back(devices(7));
    fleet.look(rollout);

    assertThat(fleet.in(rollout, DeploymentState.ROLLED_BACK)).isEqualTo(devices(0, 1));
    assertThat(fleet.states(rollout)).containsEntry(device(7), DeploymentState.OFFERED);
  }

  @Test
  default void theFirstThatCatchUpAndFailKeepItFromTheOthers() {
    RolloutFleet fleet = fleet(8);
    away(devices(4, 5, 6, 7));
    RolloutId rollout = fleet.begin(TO_ALL.catchUp(3));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    fleet.act(rollout, new RolloutEvent.Promote("tested"));
    back(devices(4, 5, 6));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.ROLLED_BACK);
    fleet.look(rollout);

    back(devices(7));
    fleet.look(rollout);

    assertThat(fleet.states(rollout)).containsEntry(device(7), DeploymentState.DEFERRED);
    assertThat(fleet.state(rollout).held()).contains("3 of 3 devices failed the update");
  }

  @Test
  default void whoIsLateAndComesBackAsAnotherIsLookedAtAgain() {
    RolloutFleet fleet = fleet(3);
    away(devices(1, 2));
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);

    fleet.becomes(device(1), WITHOUT_VARIANT);
    fleet.becomes(device(2), OF_BOARD);
    back(devices(1, 2));
    fleet.look(rollout);
    fleet.hear();

    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.NOT_ELIGIBLE)
        .containsEntry(device(2), DeploymentState.OFFERED);
    assertThat(fleet.ordered(device(1))).isEmpty();
    assertThat(fleet.ordered(device(2))).contains(tables().manifest(1, BOARD));
  }

  @Test
  default void whoIsAwayWithItsOrderGoesOnWithIt() {
    RolloutFleet fleet = fleet(2);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    away(devices(1));
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.DEFERRED);

    back(devices(1));
    assertThat(fleet.hear()).as("it has its order").isEmpty();
    fleet.report(devices(1), SlotPhase.COMMITTED);
    fleet.look(rollout);

    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.COMMITTED);
  }

  @Test
  default void whoComesBackWithItsOrderIsUnderWayAndTakesThePlaceOfAnother() {
    RolloutFleet fleet = fleet(3);
    away(devices(2));
    RolloutId rollout = fleet.begin(TO_ALL.catchUp(1));
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    away(devices(1));
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.DEFERRED)).isEqualTo(devices(1, 2));

    back(devices(1, 2));

    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.OFFERED)
        .containsEntry(device(2), DeploymentState.DEFERRED);
    fleet.pass(Wish.START.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.states(rollout))
        .as("it had its time, and the other waited for it")
        .containsEntry(device(1), DeploymentState.NOT_REACHED)
        .containsEntry(device(2), DeploymentState.DEFERRED);
    fleet.look(rollout);
    assertThat(fleet.hear()).isEqualTo(devices(2));
  }

  @Test
  default void whoCouldNotGoBackIsOrderedBackAgainLaterAndLater() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    RolloutId rollout = fleet.everywhere(2);
    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.FAILED);
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.RESTORE_FAILED);
    fleet.look(rollout);
    assertThat(fleet.hear()).isEmpty();

    fleet.pass(Wish.START.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.hear()).as("a higher generation").isEqualTo(devices(1));
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.RESTORING);

    fleet.report(devices(1), SlotPhase.FAILED);
    fleet.look(rollout);
    fleet.pass(Wish.START.multipliedBy(2));
    fleet.look(rollout);
    assertThat(fleet.hear()).as("four times as long").isEmpty();
    away(devices(1));
    fleet.pass(Wish.START.multipliedBy(3));
    fleet.look(rollout);
    assertThat(fleet.hear()).as("only when it is there").isEmpty();
    back(devices(1));
    fleet.look(rollout);
    assertThat(fleet.hear()).isEqualTo(devices(1));
    fleet.report(devices(1), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.RESTORED);
  }

  @Test
  default void whoGoesBackLateHasGoneBack() {
    RolloutFleet fleet = fleet(1);
    fleet.everywhere(1);
    RolloutId rollout = fleet.everywhere(2);
    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.pass(Wish.PROGRESS.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(0), DeploymentState.RESTORE_FAILED);

    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.look(rollout);

    assertThat(fleet.states(rollout)).containsEntry(device(0), DeploymentState.RESTORED);
  }

  @Test
  default void lateDevicesCatchUpAtThePaceAlsoAfterTheEnd() {
    RolloutFleet fleet = fleet(5);
    List<DeviceId> gone = devices(1, 2, 3, 4);
    away(gone);
    RolloutId rollout = fleet.begin(TO_ALL.at(new Pace(6, 1, 1, Pace.Growth.NOTIFIED, 6)));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.DEFERRED)).hasSameElementsAs(gone);

    back(gone);
    fleet.look(rollout);
    List<DeviceId> first = fleet.hear();
    assertThat(first).hasSize(1);
    fleet.report(first, SlotPhase.COMMITTED);
    fleet.act(rollout, new RolloutEvent.Promote("tested"));
    assertThat(fleet.state(rollout).phase().code()).isEqualTo("SUCCEEDED");
    fleet.look(rollout);
    assertThat(fleet.hear()).isEmpty();
    fleet.pass(Duration.ofSeconds(10));
    fleet.look(rollout);

    assertThat(fleet.hear()).hasSize(1);
  }

  @Test
  default void anOrderThatIsNotBegunInTimeIsLate() {
    RolloutFleet fleet = fleet(3);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    away(devices(1));
    fleet.pass(Wish.START.plusMinutes(1));
    fleet.look(rollout);

    assertThat(fleet.states(rollout))
        .containsEntry(device(0), DeploymentState.COMMITTED)
        .containsEntry(device(1), DeploymentState.OFFERED)
        .containsEntry(device(2), DeploymentState.NOT_REACHED);
  }

  @Test
  default void aLineThatIsTooSlowIsNoFailureAndWhoComesLateIsFollowed() {
    RolloutFleet fleet = fleet(4);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1, 2), SlotPhase.DOWNLOADING);
    fleet.report(devices(3), SlotPhase.ACTIVATING);
    fleet.look(rollout);
    fleet.pass(Wish.PROGRESS.plusMinutes(1));
    fleet.look(rollout);

    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.NOT_REACHED)
        .containsEntry(device(2), DeploymentState.NOT_REACHED)
        .containsEntry(device(3), DeploymentState.TIMED_OUT);
    fleet.report(devices(1), SlotPhase.DOWNLOADING);
    fleet.report(devices(2), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.NOT_REACHED)
        .containsEntry(device(2), DeploymentState.COMMITTED);

    fleet.act(rollout, new RolloutEvent.Abort("tested"));
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.CANCELLED);
  }

  @Test
  default void whoFailedTriesAgainAndWhoRefusedDoesNot() {
    RolloutFleet fleet = fleet(4);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.FAILED);
    fleet.report(devices(2), SlotPhase.REJECTED);
    fleet.report(devices(3), SlotPhase.ROLLED_BACK);
    fleet.look(rollout);

    fleet.act(rollout, new RolloutEvent.Retry("tested"));
    fleet.look(rollout);

    assertThat(fleet.hear()).hasSameElementsAs(devices(1, 3));
    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.OFFERED)
        .containsEntry(device(2), DeploymentState.REJECTED)
        .containsEntry(device(3), DeploymentState.OFFERED);
  }

  @Test
  default void anAbortTakesBackWhatNobodyHasSwitchedTo() {
    RolloutFleet fleet = fleet(6);
    away(devices(5));
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(1), SlotPhase.DOWNLOADING);
    fleet.report(devices(2), SlotPhase.PROBATION);
    fleet.report(devices(3), SlotPhase.COMMITTED);
    fleet.report(devices(4), SlotPhase.FAILED);
    fleet.look(rollout);

    fleet.act(rollout, new RolloutEvent.Abort("tested"));
    fleet.hear();

    assertThat(fleet.states(rollout))
        .containsEntry(device(0), DeploymentState.CANCELLED)
        .containsEntry(device(1), DeploymentState.CANCELLED)
        .containsEntry(device(2), DeploymentState.PROBATION)
        .containsEntry(device(3), DeploymentState.COMMITTED)
        .containsEntry(device(4), DeploymentState.FAILED)
        .containsEntry(device(5), DeploymentState.CANCELLED);
    assertThat(first(6).stream().filter(one -> fleet.ordered(one).isPresent()))
        .isEqualTo(devices(2, 3));
  }

  @Test
  default void anAbortLeavesWhoRunsTheVersionThoughItWasAway() {
    RolloutFleet fleet = fleet(3);
    RolloutId rollout = fleet.begin(TO_ALL);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.PROBATION);
    away(devices(1, 2));
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.DEFERRED)).isEqualTo(devices(1, 2));

    fleet.act(rollout, new RolloutEvent.Abort("tested"));
    fleet.hear();

    assertThat(fleet.states(rollout))
        .containsEntry(device(1), DeploymentState.COMMITTED)
        .containsEntry(device(2), DeploymentState.CANCELLED);
    assertThat(fleet.ordered(device(1))).isPresent();
    assertThat(fleet.ordered(device(2))).isEmpty();
  }

  @Test
  default void aRollbackOrdersBackAlsoWhoFailedAndOffWhereNothingRan() {
    RolloutFleet fleet = fleet(3);
    fleet.everywhere(1);
    fleet.enrol(3, 4);
    RolloutId rollout = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0, 3), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.FAILED);
    fleet.look(rollout);

    fleet.act(rollout, new RolloutEvent.RollBack("tested"));

    assertThat(fleet.hear()).hasSameElementsAs(first(4));
    assertThat(fleet.states(rollout))
        .containsEntry(device(0), DeploymentState.RESTORING)
        .containsEntry(device(1), DeploymentState.RESTORING)
        .containsEntry(device(2), DeploymentState.RESTORING)
        .containsEntry(device(3), DeploymentState.CANCELLED);
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.ordered(device(3))).isEmpty();
    fleet.report(devices(0, 1, 2), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.RESTORED)).isEqualTo(devices(0, 1, 2));
  }

  @Test
  default void aRollbackAfterAnAbortLeavesWhatWasTakenBack() {
    RolloutFleet fleet = fleet(3);
    fleet.everywhere(1);
    RolloutId rollout = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.FAILED);
    fleet.look(rollout);
    fleet.act(rollout, new RolloutEvent.Abort("tested"));
    assertThat(fleet.hear()).hasSameElementsAs(devices(1, 2));

    fleet.act(rollout, new RolloutEvent.RollBack("tested"));

    assertThat(fleet.hear()).isEqualTo(devices(0));
    assertThat(fleet.states(rollout))
        .containsEntry(device(0), DeploymentState.RESTORING)
        .containsEntry(device(1), DeploymentState.FAILED)
        .containsEntry(device(2), DeploymentState.CANCELLED);
  }

  @Test
  default void aRollbackGivesWhatFitsTheBoardByNow() {
    RolloutFleet fleet = fleet(3);
    fleet.everywhere(1);
    RolloutId rollout = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.becomes(device(1), OF_BOARD);
    fleet.becomes(device(2), WITHOUT_PROFILE);

    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, BOARD));
    assertThat(fleet.ordered(device(2)))
        .as("nobody knows what it is")
        .contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void aRollbackKeepsWhatRanWhereAFinerProfileHasNothing() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    RolloutId rollout = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.becomes(device(1), WITHOUT_VARIANT);

    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.RESTORING);
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void aRollbackGoesPastTheSameVersionThatWasTakenBackBefore() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    RolloutId first = fleet.begin(2);
    fleet.look(first);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    away(devices(1));
    fleet.act(first, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    back(devices(1));

    RolloutId again = fleet.begin(2);
    fleet.look(again);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(again, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.ordered(device(1)))
        .as("it ran the version still when it was ordered it again")
        .contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void aRollbackToNothingIsNotUndoneByTheNext() {
    RolloutFleet fleet = fleet(2);
    RolloutId bad = fleet.begin(2);
    fleet.look(bad);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    away(devices(1));
    fleet.act(bad, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    back(devices(1));

    RolloutId mended = fleet.begin(3);
    fleet.look(mended);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(mended, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).isEmpty();
    assertThat(fleet.ordered(device(1)))
        .as("it ran still what was taken back when it was ordered the next")
        .isEmpty();
  }

  @Test
  default void aRollbackGoesPastWhatWasJustCondemned() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    RolloutId bad = fleet.begin(2);
    fleet.look(bad);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(bad, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    RolloutId mended = fleet.begin(3);
    fleet.look(mended);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(mended, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).contains(tables().manifest(1, GATEWAY));
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void aRollbackGoesPastTheSameVersionThatIsOnItsWay() {
    RolloutFleet fleet = fleet(2);
    fleet.everywhere(1);
    RolloutId first = fleet.begin(2);
    fleet.look(first);
    fleet.report(fleet.hear(), SlotPhase.PROBATION);

    RolloutId again = fleet.begin(2);
    fleet.look(again);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(again, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void aRollbackDoesNotGoToWhatNobodyEverRan() {
    RolloutFleet fleet = fleet(2);
    RolloutId first = fleet.begin(1);
    fleet.look(first);
    fleet.hear();

    RolloutId newer = fleet.begin(2);
    fleet.look(newer);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.act(newer, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(fleet.ordered(device(0))).isEmpty();
    assertThat(fleet.in(newer, DeploymentState.CANCELLED)).isEqualTo(devices(0, 1));
  }

  @Test
  default void whoWasToTryAgainWhileAwayIsFollowedBack() {
    RolloutFleet fleet = fleet(6);
    fleet.everywhere(1);
    RolloutId rollout = fleet.begin(2);
    fleet.look(rollout);
    fleet.hear();
    fleet.report(devices(0, 1, 2, 3, 4), SlotPhase.COMMITTED);
    fleet.report(devices(5), SlotPhase.FAILED);
    fleet.look(rollout);
    away(devices(5));
    fleet.act(rollout, new RolloutEvent.Retry("tested"));

    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.report(devices(0, 1, 2, 3, 4), SlotPhase.COMMITTED);
    fleet.look(rollout);
    back(devices(5));

    assertThat(fleet.state(rollout).phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.states(rollout)).containsEntry(device(5), DeploymentState.RESTORING);
    fleet.report(devices(5), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(5), DeploymentState.RESTORED);
  }

  /** It runs what was superseded as soon as it has switched, and goes back with the others. */
  @Test
  default void whoSwitchesWhileItIsSupersededIsTakenBackWithTheOthers() {
    RolloutFleet fleet = fleet(3);
    fleet.everywhere(1);
    RolloutId older = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(older);
    List<DeviceId> switching = new ArrayList<>(fleet.hear());
    fleet.report(switching, SlotPhase.PROBATION);
    fleet.look(older);
    RolloutId newer = fleet.begin(Wish.of(3, StageRule.percent(34), StageRule.percent(100)));
    switching.removeAll(fleet.in(newer, DeploymentState.OFFERED));
    fleet.report(switching, SlotPhase.COMMITTED);
    fleet.act(newer, new RolloutEvent.Abort("tested"));

    fleet.act(older, new RolloutEvent.RollBack("tested"));

    assertThat(switching).isNotEmpty();
    assertThat(fleet.in(older, DeploymentState.RESTORING)).containsAll(switching);
  }

  private RolloutId onItsWayBackWithTwoAway(RolloutFleet fleet) {
    fleet.everywhere(1);
    RolloutId older = fleet.begin(2);
    fleet.look(older);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    away(devices(1, 2));
    fleet.act(older, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    return older;
  }

  /** Also where it is still on its way back: the fix is begun while the bad one goes. */
  @Test
  default void nobodyIsAwaitedBackOfARollbackThatIsSuperseded() {
    RolloutFleet fleet = fleet(3);
    RolloutId older = onItsWayBackWithTwoAway(fleet);

    fleet.begin(3);

    assertThat(fleet.states(older))
        .containsEntry(device(0), DeploymentState.CANCELLED)
        .containsEntry(device(1), DeploymentState.CANCELLED)
        .containsEntry(device(2), DeploymentState.CANCELLED);
  }

  @Test
  default void nobodyIsAwaitedBackOnceANewerRolloutIsThere() {
    RolloutFleet fleet = fleet(3);
    RolloutId older = onItsWayBackWithTwoAway(fleet);
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.look(older);
    back(devices(2));
    assertThat(fleet.states(older))
        .containsEntry(device(1), DeploymentState.DEFERRED)
        .containsEntry(device(2), DeploymentState.RESTORING);

    fleet.begin(3);

    assertThat(fleet.states(older))
        .containsEntry(device(0), DeploymentState.RESTORED)
        .containsEntry(device(1), DeploymentState.CANCELLED)
        .containsEntry(device(2), DeploymentState.CANCELLED);
  }

  @Test
  default void whatANewerRolloutHasOrderedIsLeftToIt() {
    RolloutFleet fleet = fleet(4);
    fleet.everywhere(1);
    away(devices(3));
    RolloutId older = fleet.begin(Wish.of(2, StageRule.percent(100)));
    fleet.look(older);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.look(older);

    RolloutId newer = fleet.begin(Wish.of(3, StageRule.percent(100)));
    fleet.look(newer);
    fleet.hear();

    assertThat(fleet.state(older).phase()).isEqualTo(new RolloutPhase.Superseded(newer));
    assertThat(fleet.states(older))
        .containsEntry(device(0), DeploymentState.COMMITTED)
        .containsEntry(device(1), DeploymentState.CANCELLED)
        .containsEntry(device(3), DeploymentState.CANCELLED);
    assertThat(fleet.in(newer, DeploymentState.OFFERED)).isEqualTo(devices(0, 1, 2));
    fleet.report(devices(0, 1, 2), SlotPhase.COMMITTED);
    fleet.look(newer);
    fleet.act(newer, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    assertThat(fleet.ordered(device(0))).contains(tables().manifest(2, GATEWAY));
    assertThat(fleet.ordered(device(1))).contains(tables().manifest(1, GATEWAY));
  }

  @Test
  default void nobodyStaysUnderWayOfWhatHadSucceededAndIsReplaced() {
    RolloutFleet fleet = fleet(3);
    RolloutId older = fleet.begin(TO_ALL);
    fleet.look(older);
    fleet.hear();
    fleet.report(devices(0), SlotPhase.COMMITTED);
    fleet.report(devices(1), SlotPhase.DOWNLOADING);
    fleet.look(older);
    fleet.act(older, new RolloutEvent.Promote("tested"));
    assertThat(fleet.states(older)).containsEntry(device(1), DeploymentState.DOWNLOADING);

    fleet.begin(Wish.of(3, StageRule.percent(100)));

    assertThat(fleet.states(older))
        .containsEntry(device(0), DeploymentState.COMMITTED)
        .containsEntry(device(1), DeploymentState.DEFERRED)
        .containsEntry(device(2), DeploymentState.DEFERRED);
  }

  @Test
  default void aRemovedDeviceTakesNobodysPlace() {
    RolloutFleet fleet = fleet(4);
    RolloutId rollout = fleet.begin(TO_ALL.inFlight(1));
    List<DeviceId> ranked = ranked(rollout, first(4));
    fleet.look(rollout);
    assertThat(fleet.hear()).containsExactly(ranked.get(0));

    tables().remove(ranked.get(0));
    tables().remove(ranked.get(1));
    fleet.look(rollout);

    assertThat(fleet.hear()).containsExactly(ranked.get(2));
    assertThat(fleet.states(rollout))
        .containsEntry(ranked.get(0), DeploymentState.REMOVED)
        .containsEntry(ranked.get(1), DeploymentState.REMOVED);
    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    assertThat(fleet.in(rollout, DeploymentState.REMOVED)).hasSize(2);
  }

  @Test
  default void aStageOfRemovedDevicesIsOverAtOnce() {
    RolloutFleet fleet = fleet(3);
    RolloutId rollout = fleet.begin(TO_ALL.inFlight(1));
    fleet.look(rollout);
    first(3).forEach(tables()::remove);

    fleet.look(rollout);

    assertThat(fleet.state(rollout).phase().explanation())
        .startsWith("every device of the stage was removed, and none runs the version");
  }

  @Test
  default void whoReturnsAfterARollbackIsFollowedBack() {
    RolloutFleet fleet = new RolloutFleet(tables());
    fleet.enrol(0, 3);
    fleet.everywhere(1);
    fleet.pass(Duration.ofSeconds(2));
    RolloutId rollout = fleet.begin(2);
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    DeviceId away = RolloutFleet.device(1);
    tables().present(away, false);
    fleet.act(rollout, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    fleet.report(RolloutFleet.devices(0, 2), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.state(rollout).phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.in(rollout, DeploymentState.DEFERRED)).containsExactly(away);

    tables().present(away, true);
    assertThat(fleet.in(rollout, DeploymentState.RESTORING)).containsExactly(away);
    fleet.report(List.of(away), SlotPhase.COMMITTED);
    fleet.look(rollout);

    assertThat(fleet.in(rollout, DeploymentState.RESTORED)).hasSize(3);
  }
}
