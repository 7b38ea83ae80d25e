package io.skerry.contract;

import static io.skerry.contract.RolloutFleet.BOARD;
import static io.skerry.contract.RolloutFleet.OF_BOARD;
import static io.skerry.contract.RolloutFleet.OF_GATEWAY;
import static io.skerry.contract.RolloutFleet.WITHOUT_ENGINE;
import static io.skerry.contract.RolloutFleet.WITHOUT_PROFILE;
import static io.skerry.contract.RolloutFleet.WITHOUT_VARIANT;
import static io.skerry.contract.RolloutFleet.device;
import static io.skerry.contract.RolloutFleet.devices;
import static io.skerry.contract.RolloutFleet.rank;
import static io.skerry.contract.RolloutFleet.ranked;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotPhase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who is in which stage of a rollout, when it is written down and when devices change. */
interface RolloutMembersContract {
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

  private static StageRule count(int devices) {
    return new StageRule(new StageRule.Selection.Count(devices), 0, false);
  }

  private static StageRule profile(String profile) {
    return new StageRule(new StageRule.Selection.Profile(new ProfileId(profile)), 0, false);
  }

  private void next(RolloutFleet fleet, RolloutId rollout) {
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    fleet.act(rollout, new RolloutEvent.Promote("tested"));
    fleet.look(rollout);
  }

  @Test
  default void aStageTakesTheBestRanksUpToItsShare() {
    RolloutFleet fleet = fleet(20);
    RolloutId rollout =
        fleet.begin(
            Wish.of(1, StageRule.percent(15), StageRule.percent(50), StageRule.percent(100)));
    List<DeviceId> ranked = ranked(rollout, first(20));
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 3));
    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 10));
    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked);
  }

  @Test
  default void aStageIsNoSmallerThanItsMinimum() {
    RolloutFleet fleet = fleet(20);
    RolloutId rollout =
        fleet.begin(
            Wish.of(
                1,
                new StageRule(new StageRule.Selection.Percent(5), 4, false),
                StageRule.percent(100)));
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet())
        .hasSameElementsAs(ranked(rollout, first(20)).subList(0, 4));
  }

  @Test
  default void aStageByCountTakesSoMany() {
    RolloutFleet fleet = fleet(9);
    RolloutId rollout = fleet.begin(Wish.of(1, count(2), count(3), StageRule.percent(100)));
    List<DeviceId> ranked = ranked(rollout, first(9));
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 2));
    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 5));
  }

  @Test
  default void aStageTakesTheFirstOfEveryProfile() {
    RolloutFleet fleet = fleet(12);
    for (int number = 9; number < 12; number++) {
      fleet.becomes(device(number), OF_BOARD);
    }
    RolloutId rollout = fleet.begin(Wish.of(1, count(1), StageRule.percent(100)));
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet())
        .containsExactlyInAnyOrder(
            ranked(rollout, first(9)).getFirst(), ranked(rollout, devices(9, 10, 11)).getFirst());
  }

  @Test
  default void aStageByProfileTakesItsDevices() {
    RolloutFleet fleet = fleet(5);
    fleet.becomes(device(1), OF_BOARD);
    fleet.becomes(device(4), OF_BOARD);
    RolloutId rollout = fleet.begin(Wish.of(1, profile(BOARD), StageRule.percent(100)));
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(devices(1, 4));
    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(first(5));
  }

  @Test
  default void theWorstRanksAreHeldBackUntilEveryStageHasPassed() {
    RolloutFleet fleet = fleet(10);
    RolloutId rollout =
        fleet.begin(Wish.of(1, StageRule.percent(50), StageRule.percent(100)).holdingBack(3));
    List<DeviceId> ranked = ranked(rollout, first(10));
    fleet.look(rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 5));

    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked.subList(0, 7));
    next(fleet, rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(ranked);
  }

  @Test
  default void whoIsNotEligibleIsKeptWithTheReason() {
    RolloutFleet fleet = fleet(5);
    fleet.becomes(device(1), WITHOUT_ENGINE);
    fleet.becomes(device(2), WITHOUT_VARIANT);
    fleet.becomes(device(3), WITHOUT_PROFILE);
    RolloutId rollout = fleet.begin(1);
    fleet.look(rollout);

    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(devices(0, 4));
    assertThat(tables().outsiders(rollout))
        .isEqualTo(
            Map.of(
                device(1),
                "it has no engine 'onnxruntime', which the variant for x86-64-avx2 needs",
                device(2),
                "the rollout brings no variant for profile x86-64-vnni",
                device(3),
                "its hardware matches no profile"));
  }

  @Test
  default void whoNoStageTakesIsKeptWithTheReason() {
    RolloutFleet fleet = fleet(4);
    RolloutId rollout = fleet.begin(Wish.of(1, count(1), count(2)));
    List<DeviceId> ranked = ranked(rollout, first(4));

    assertThat(tables().outsiders(rollout))
        .isEqualTo(Map.of(ranked.getLast(), "no stage takes it"));
  }

  @Test
  default void aStaticRolloutTakesNobodyWhoCameOrFitsLater() {
    RolloutFleet fleet = fleet(4);
    fleet.becomes(device(3), WITHOUT_ENGINE);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(50), StageRule.percent(100)));
    fleet.look(rollout);
    fleet.becomes(device(3), OF_GATEWAY);
    fleet.enrol(4, 9);

    next(fleet, rollout);

    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(devices(0, 1, 2));
    assertThat(tables().outsiders(rollout)).containsOnlyKeys(device(3));
  }

  @Test
  default void aMemberThatDoesNotFitWhenItsStageOpensHasLeftIt() {
    RolloutFleet fleet = fleet(4);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(50), StageRule.percent(100)));
    List<DeviceId> ranked = ranked(rollout, first(4));
    fleet.look(rollout);
    fleet.becomes(ranked.get(3), WITHOUT_ENGINE);

    next(fleet, rollout);

    assertThat(fleet.states(rollout))
        .containsEntry(ranked.get(2), DeploymentState.OFFERED)
        .containsEntry(ranked.get(3), DeploymentState.NOT_ELIGIBLE);
    assertThat(fleet.census(rollout).devices(1)).isEqualTo(1);
    assertThat(tables().outsiders(rollout).get(ranked.get(3))).contains("onnxruntime");
  }

  @Test
  default void aDynamicRolloutTakesNewcomersByTheThresholdsOfItsStages() {
    RolloutFleet fleet = fleet(10);
    RolloutId rollout =
        fleet.begin(Wish.of(1, StageRule.percent(30), StageRule.percent(100)).dynamically());
    List<DeviceId> ranked = ranked(rollout, first(10));
    String threshold = rank(rollout, ranked.get(2));
    fleet.look(rollout);
    fleet.enrol(10, 40);
    List<DeviceId> early = new ArrayList<>();
    List<DeviceId> late = new ArrayList<>();
    IntStream.range(10, 40)
        .mapToObj(RolloutFleet::device)
        .forEach(one -> (rank(rollout, one).compareTo(threshold) <= 0 ? early : late).add(one));
    fleet.look(rollout);
    fleet.look(rollout);

    List<DeviceId> expected = new ArrayList<>(ranked.subList(0, 3));
    expected.addAll(early);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(expected);
    assertThat(fleet.census(rollout).devices(0)).isEqualTo(expected.size());
    next(fleet, rollout);
    assertThat(fleet.states(rollout)).hasSize(40).containsKeys(late.toArray(DeviceId[]::new));
  }

  @Test
  default void aNewcomerJoinsTheFirstStageThatTakesItAlsoWhenTheNextOneOpens() {
    RolloutFleet fleet = fleet(10);
    RolloutId rollout =
        fleet.begin(Wish.of(1, StageRule.percent(30), StageRule.percent(100)).dynamically());
    String threshold = rank(rollout, ranked(rollout, first(10)).get(2));
    fleet.look(rollout);
    fleet.enrol(10, 40);
    long early =
        IntStream.range(10, 40)
            .filter(number -> rank(rollout, device(number)).compareTo(threshold) <= 0)
            .count();

    fleet.act(rollout, new RolloutEvent.Promote("tested"));

    assertThat(fleet.census(rollout).devices(0)).isEqualTo(3 + (int) early);
    assertThat(fleet.census(rollout).devices(1)).isEqualTo(37 - (int) early);
  }

  @Test
  default void aDynamicRolloutTakesWhoFitsLater() {
    RolloutFleet fleet = fleet(4);
    fleet.becomes(device(2), WITHOUT_ENGINE);
    fleet.becomes(device(3), WITHOUT_PROFILE);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(100)).dynamically());
    fleet.look(rollout);
    assertThat(fleet.states(rollout).keySet()).hasSameElementsAs(devices(0, 1));

    fleet.becomes(device(3), OF_BOARD);
    fleet.look(rollout);
    fleet.look(rollout);

    assertThat(fleet.states(rollout)).containsEntry(device(3), DeploymentState.OFFERED).hasSize(3);
    assertThat(tables().outsiders(rollout)).containsOnlyKeys(device(2));
  }

  @Test
  default void aDynamicRolloutTakesWhoComesAfterItsEndUntilAnotherTakesItsPlace() {
    RolloutFleet fleet = fleet(2);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(100)).catchUp(1).dynamically());
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    fleet.act(rollout, new RolloutEvent.Promote("tested"));
    fleet.look(rollout);
    fleet.enrol(2, 4);
    fleet.look(rollout);
    fleet.look(rollout);

    assertThat(fleet.state(rollout).phase().code()).isEqualTo("SUCCEEDED");
    List<DeviceId> first = fleet.hear();
    assertThat(first).as("under the limit of catching up").hasSize(1);
    fleet.report(first, SlotPhase.COMMITTED);
    fleet.look(rollout);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(rollout);
    assertThat(fleet.in(rollout, DeploymentState.COMMITTED)).isEqualTo(devices(0, 1, 2, 3));

    RolloutId newer = fleet.begin(2);
    fleet.look(newer);
    fleet.enrol(4, 5);
    fleet.look(rollout);
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).doesNotContainKey(device(4));
  }

  @Test
  default void whoLeftADynamicRolloutJoinsItAgain() {
    RolloutFleet fleet = fleet(3);
    tables().present(device(1), false);
    RolloutId rollout = fleet.begin(Wish.of(1, StageRule.percent(100)).dynamically());
    fleet.look(rollout);
    fleet.becomes(device(1), WITHOUT_ENGINE);
    tables().present(device(1), true);
    fleet.look(rollout);
    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.NOT_ELIGIBLE);
    assertThat(fleet.census(rollout).devices(0)).isEqualTo(2);

    fleet.becomes(device(1), OF_GATEWAY);
    fleet.look(rollout);
    fleet.look(rollout);

    assertThat(fleet.states(rollout)).containsEntry(device(1), DeploymentState.OFFERED);
    assertThat(fleet.census(rollout).devices(0)).isEqualTo(3);
    assertThat(tables().outsiders(rollout)).isEmpty();
  }
}
