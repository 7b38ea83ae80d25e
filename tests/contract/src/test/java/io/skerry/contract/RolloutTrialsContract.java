package io.skerry.contract;

import static io.skerry.contract.RolloutFleet.GATEWAY;
import static io.skerry.contract.RolloutFleet.WITHOUT_ENGINE;
import static io.skerry.contract.RolloutFleet.device;
import static io.skerry.contract.RolloutFleet.devices;
import static io.skerry.contract.RolloutFleet.ranked;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who is ordered what beside what it runs, and what becomes of it; and several models together. */
interface RolloutTrialsContract {
  SlotId MAIN = new SlotId("main");
  SlotId TRIAL = new SlotId("main-trial");
  SlotId SECOND = new SlotId("second");
  RolloutKind SHADOW = new RolloutKind.Shadow(true);
  Wish TO_ALL = Wish.of(2, StageRule.percent(100));
  Wish UNIT = TO_ALL.asUnit();

  /** Without devices. */
  Tables tables();

  private RolloutFleet running(int devices) {
    RolloutFleet fleet = new RolloutFleet(tables());
    fleet.enrol(0, devices);
    fleet.everywhere(1);
    return fleet;
  }

  private RolloutFleet runningUnit(int devices) {
    RolloutFleet fleet = new RolloutFleet(tables());
    fleet.enrol(0, devices);
    RolloutId unit = fleet.begin(Wish.of(1, StageRule.percent(100)).asUnit());
    fleet.look(unit);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(unit);
    fleet.act(unit, new RolloutEvent.Promote("tested"));
    assertThat(fleet.state(unit).phase().code()).isEqualTo("SUCCEEDED");
    return fleet;
  }

  private static Optional<Digest> runs(RolloutFleet fleet, DeviceId device, SlotId slot) {
    return fleet.ordered(device, slot).map(DesiredSlot::manifest);
  }

  private Digest version(long version) {
    return tables().manifest(version, GATEWAY);
  }

  /**
   * Of four devices two try it, the third is away past the stage's deadline, and the fourth cannot
   * load it.
   */
  private RolloutId tried(RolloutFleet fleet, Wish wish) {
    tables().present(device(2), false);
    RolloutId trial = fleet.begin(wish);
    for (int turn = 0; turn < 4; turn++) {
      fleet.look(trial);
      fleet.hear();
      fleet.report(
          fleet.in(trial, DeploymentState.OFFERED).stream()
              .filter(device -> !device.equals(device(3)))
              .toList(),
          TRIAL,
          SlotPhase.COMMITTED);
      if (fleet.ordered(device(3), TRIAL).isPresent()) {
        fleet.report(devices(3), TRIAL, SlotPhase.FAILED);
      }
    }
    fleet.pass(Wish.STAGE.plusMinutes(1));
    fleet.look(trial);
    assertThat(fleet.states(trial))
        .containsEntry(device(0), DeploymentState.COMMITTED)
        .containsEntry(device(1), DeploymentState.COMMITTED)
        .containsEntry(device(2), DeploymentState.DEFERRED)
        .containsEntry(device(3), DeploymentState.FAILED);
    return trial;
  }

  private static void conclude(RolloutFleet fleet, RolloutId trial) {
    fleet.act(trial, new RolloutEvent.Promote("tested"));
    RolloutState state = fleet.state(trial);
    assertThat(state.promotion().isPresent() || state.phase().code().equals("SUCCEEDED")).isTrue();
  }

  @Test
  default void aTrialIsBesideWhatAnswers() {
    RolloutFleet fleet = running(2);
    RolloutId shadow = fleet.begin(TO_ALL.onTrial(SHADOW));
    fleet.look(shadow);
    fleet.hear();
    assertThat(runs(fleet, device(0), MAIN)).contains(version(1));
    assertThat(fleet.ordered(device(0), TRIAL))
        .hasValueSatisfying(
            order -> {
              assertThat(order.manifest()).isEqualTo(version(2));
              assertThat(order.mode()).isEqualTo(new SlotMode.Shadow(new SlotMode.Trial(MAIN, 1)));
            });
  }

  @Test
  default void aSplitHasItsShare() {
    RolloutFleet fleet = running(2);
    RolloutId split = fleet.begin(TO_ALL.onTrial(new RolloutKind.Split(.25, false)));
    fleet.look(split);
    fleet.hear();

    assertThat(fleet.ordered(device(1), TRIAL))
        .hasValueSatisfying(
            order ->
                assertThat(order.mode()).isEqualTo(new SlotMode.Ab(new SlotMode.Trial(MAIN, .25))));
  }

  @Test
  default void whatIsDroppedGoesFromEverybodyWhoHasIt() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(new RolloutKind.Shadow(false)));

    conclude(fleet, trial);
    fleet.hear();

    for (DeviceId device : devices(0, 1, 2, 3)) {
      assertThat(runs(fleet, device, MAIN)).contains(version(1));
      assertThat(runs(fleet, device, TRIAL)).isEmpty();
    }
    assertThat(fleet.states(trial))
        .containsEntry(device(0), DeploymentState.RESTORED)
        .containsEntry(device(1), DeploymentState.RESTORED)
        .as("it was never ordered it, and is not waited for")
        .containsEntry(device(2), DeploymentState.CANCELLED)
        .containsEntry(device(3), DeploymentState.RESTORED);
  }

  @Test
  default void whatIsPromotedIsOrderedUnderTheSameLimitsAndFollowedToItsEnd() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW).inFlight(1));

    conclude(fleet, trial);
    fleet.hear();
    fleet.look(trial);

    List<DeviceId> first = fleet.hear();
    List<DeviceId> ranked = ranked(trial, devices(0, 1));
    assertThat(first).containsExactly(ranked.getFirst());
    assertThat(runs(fleet, ranked.getFirst(), MAIN)).contains(version(2));
    assertThat(runs(fleet, ranked.getFirst(), TRIAL)).isEmpty();
    assertThat(fleet.states(trial))
        .containsEntry(ranked.getFirst(), DeploymentState.OFFERED)
        .containsEntry(ranked.getLast(), DeploymentState.PENDING)
        .containsEntry(device(2), DeploymentState.PENDING)
        .containsEntry(device(3), DeploymentState.FAILED);
    assertThat(runs(fleet, ranked.getLast(), TRIAL))
        .as("who waits still tries it")
        .contains(version(2));
    assertThat(runs(fleet, device(3), TRIAL)).as("it could not load it").isEmpty();
    assertThat(runs(fleet, device(3), MAIN)).contains(version(1));

    fleet.report(first, MAIN, SlotPhase.ROLLED_BACK);
    fleet.look(trial);
    assertThat(fleet.hear()).containsExactly(ranked.getLast());
    fleet.report(devices(ranked.getLast().equals(device(0)) ? 0 : 1), SlotPhase.COMMITTED);
    fleet.look(trial);

    assertThat(fleet.states(trial))
        .containsEntry(ranked.getFirst(), DeploymentState.ROLLED_BACK)
        .containsEntry(ranked.getLast(), DeploymentState.COMMITTED);
  }

  @Test
  default void whatIsPromotedGoesThroughTheStagesAgain() {
    RolloutFleet fleet = running(4);
    RolloutId trial =
        fleet.begin(Wish.of(2, StageRule.percent(25), StageRule.percent(100)).onTrial(SHADOW));
    for (int stage = 0; stage < 2; stage++) {
      fleet.look(trial);
      fleet.report(fleet.hear(), TRIAL, SlotPhase.COMMITTED);
      fleet.look(trial);
      fleet.act(trial, new RolloutEvent.Promote("tested"));
    }
    List<DeviceId> ranked = ranked(trial, devices(0, 1, 2, 3));
    fleet.look(trial);

    assertThat(fleet.hear()).containsExactly(ranked.getFirst());
    assertThat(runs(fleet, ranked.getFirst(), MAIN)).contains(version(2));
    assertThat(runs(fleet, ranked.getFirst(), TRIAL)).isEmpty();
    for (DeviceId waiting : ranked.subList(1, 4)) {
      assertThat(runs(fleet, waiting, MAIN)).contains(version(1));
      assertThat(runs(fleet, waiting, TRIAL)).contains(version(2));
    }
    fleet.report(List.of(ranked.getFirst()), SlotPhase.COMMITTED);
    fleet.look(trial);
    assertThat(fleet.census(trial).touched()).isEqualTo(1);

    fleet.act(trial, new RolloutEvent.Promote("tested"));
    fleet.look(trial);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(trial);
    fleet.act(trial, new RolloutEvent.Promote("tested"));

    assertThat(fleet.state(trial).phase().code()).isEqualTo("SUCCEEDED");
    assertThat(fleet.in(trial, DeploymentState.COMMITTED)).hasSize(4);
    for (DeviceId device : ranked) {
      assertThat(runs(fleet, device, MAIN)).contains(version(2));
      assertThat(runs(fleet, device, TRIAL)).isEmpty();
    }
  }

  /** One has it as the active version, one waits for it with the trial, and one failed that. */
  @Test
  default void aPromotionThatIsAbortedEndsTheTrialToo() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW).inFlight(1));
    DeviceId first = ends(fleet, trial, new RolloutEvent.Abort("tested"));

    for (DeviceId device : devices(0, 1, 2, 3)) {
      assertThat(runs(fleet, device, TRIAL)).isEmpty();
      assertThat(runs(fleet, device, MAIN)).contains(version(device.equals(first) ? 2 : 1));
    }
    fleet.look(trial);
    assertThat(fleet.state(trial).phase().code()).isEqualTo("ABORTED");
    assertThat(fleet.in(trial, DeploymentState.COMMITTED)).containsExactly(first);
    assertThat(fleet.in(trial, DeploymentState.CANCELLED)).hasSize(2);
    assertThat(fleet.in(trial, DeploymentState.FAILED)).isEqualTo(devices(3));
  }

  @Test
  default void aPromotionThatIsRolledBackEndsTheTrialToo() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW).inFlight(1));
    DeviceId first = ends(fleet, trial, new RolloutEvent.RollBack("tested"));

    for (DeviceId device : devices(0, 1, 2, 3)) {
      assertThat(runs(fleet, device, TRIAL)).isEmpty();
      assertThat(runs(fleet, device, MAIN)).contains(version(1));
    }
    fleet.report(fleet.in(trial, DeploymentState.RESTORING), SlotPhase.COMMITTED);
    fleet.pass(Wish.START);
    fleet.look(trial);
    assertThat(fleet.state(trial).phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.in(trial, DeploymentState.RESTORED)).contains(first);
    assertThat(fleet.states(trial).values())
        .containsOnly(DeploymentState.RESTORED, DeploymentState.CANCELLED, DeploymentState.FAILED);
    assertThat(fleet.in(trial, DeploymentState.FAILED)).isEqualTo(devices(3));
  }

  private static DeviceId ends(RolloutFleet fleet, RolloutId trial, RolloutEvent end) {
    conclude(fleet, trial);
    fleet.hear();
    fleet.look(trial);
    List<DeviceId> first = fleet.hear();
    fleet.report(first, SlotPhase.COMMITTED);
    fleet.look(trial);
    assertThat(fleet.in(trial, DeploymentState.COMMITTED)).isEqualTo(first);
    fleet.act(trial, end);
    fleet.hear();
    return first.getFirst();
  }

  @Test
  default void whoWasLateGetsWhatIsPromotedToo() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW));
    conclude(fleet, trial);
    fleet.look(trial);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);

    tables().present(device(2), true);
    fleet.look(trial);
    fleet.hear();

    assertThat(runs(fleet, device(2), MAIN)).contains(version(2));
    assertThat(fleet.states(trial)).containsEntry(device(2), DeploymentState.OFFERED);
  }

  @Test
  default void whoWasLateIsAskedWhatItIsByThen() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW));
    fleet.becomes(device(2), WITHOUT_ENGINE);
    conclude(fleet, trial);
    tables().present(device(2), true);
    fleet.look(trial);
    fleet.hear();

    assertThat(fleet.states(trial)).containsEntry(device(2), DeploymentState.NOT_ELIGIBLE);
    assertThat(runs(fleet, device(2), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(2), TRIAL)).isEmpty();
  }

  @Test
  default void aNewerRolloutEndsItOnWhoStillWaits() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW).inFlight(1));
    conclude(fleet, trial);
    fleet.look(trial);
    fleet.hear();

    List<DeviceId> underWay = fleet.in(trial, DeploymentState.OFFERED);
    assertThat(underWay).hasSize(1);

    RolloutId newer = fleet.begin(3);
    fleet.hear();

    assertThat(fleet.in(trial, DeploymentState.CANCELLED))
        .as("who was under way had not switched yet")
        .isEqualTo(devices(0, 1, 2));
    for (DeviceId device : devices(0, 1, 2, 3)) {
      assertThat(runs(fleet, device, TRIAL)).as("trial of %s", device).isEmpty();
    }
    fleet.look(newer);
    fleet.hear();
    assertThat(runs(fleet, device(0), MAIN)).contains(version(3));
  }

  @Test
  default void anAbortEndsATrialOnEverybody() {
    RolloutFleet fleet = running(4);
    RolloutId trial = tried(fleet, TO_ALL.onTrial(SHADOW));

    fleet.act(trial, new RolloutEvent.Abort("tested"));
    fleet.hear();

    for (DeviceId device : devices(0, 1, 2, 3)) {
      assertThat(runs(fleet, device, TRIAL)).as("trial of %s", device).isEmpty();
      assertThat(runs(fleet, device, MAIN)).contains(version(1));
    }
  }

  @Test
  default void aUnitOfWhichOneModelFailsIsTakenBackWhole() {
    RolloutFleet fleet = runningUnit(2);
    RolloutId unit = fleet.begin(UNIT);
    fleet.look(unit);
    fleet.hear();
    assertThat(runs(fleet, device(0), MAIN)).contains(version(2));
    assertThat(runs(fleet, device(0), SECOND)).contains(tables().secondManifest(2, GATEWAY));
    fleet.report(devices(1), SlotPhase.COMMITTED);
    fleet.report(devices(0), MAIN, SlotPhase.COMMITTED);
    fleet.look(unit);
    assertThat(fleet.states(unit))
        .as("not before all of it is there")
        .doesNotContainEntry(device(0), DeploymentState.COMMITTED)
        .containsEntry(device(1), DeploymentState.COMMITTED);

    fleet.report(devices(0), SECOND, SlotPhase.FAILED);
    fleet.look(unit);

    assertThat(fleet.hear()).isEqualTo(devices(0));
    assertThat(fleet.states(unit)).containsEntry(device(0), DeploymentState.FAILED);
    assertThat(runs(fleet, device(0), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(0), SECOND)).contains(tables().secondManifest(1, GATEWAY));
    assertThat(runs(fleet, device(1), MAIN)).contains(version(2));
    fleet.look(unit);
    assertThat(fleet.hear()).as("once").isEmpty();
  }

  @Test
  default void soItIsWhileThePausedOneWaits() {
    RolloutFleet fleet = runningUnit(2);
    RolloutId unit = fleet.begin(UNIT);
    fleet.look(unit);
    fleet.hear();
    fleet.act(unit, new RolloutEvent.Pause("tested"));
    fleet.report(devices(0), SECOND, SlotPhase.FAILED);

    fleet.look(unit);

    assertThat(fleet.hear()).isEqualTo(devices(0));
    assertThat(runs(fleet, device(0), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(0), SECOND)).contains(tables().secondManifest(1, GATEWAY));
  }

  @Test
  default void aUnitGoesBackWhole() {
    RolloutFleet fleet = runningUnit(2);
    RolloutId unit = fleet.begin(UNIT);
    fleet.look(unit);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(unit);

    fleet.act(unit, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(runs(fleet, device(1), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(1), SECOND)).contains(tables().secondManifest(1, GATEWAY));
    fleet.report(devices(0, 1), MAIN, SlotPhase.COMMITTED);
    fleet.look(unit);
    assertThat(fleet.in(unit, DeploymentState.RESTORED)).isEmpty();
    fleet.report(devices(0, 1), SECOND, SlotPhase.COMMITTED);
    fleet.look(unit);
    assertThat(fleet.in(unit, DeploymentState.RESTORED)).isEqualTo(devices(0, 1));
  }

  @Test
  default void whoHasOneModelOfAUnitAlreadyIsOrderedAll() {
    RolloutFleet fleet = running(2);
    RolloutId unit = fleet.begin(Wish.of(1, StageRule.percent(100)).asUnit());
    fleet.look(unit);

    assertThat(fleet.hear()).hasSameElementsAs(devices(0, 1));
    assertThat(runs(fleet, device(0), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(0), SECOND)).contains(tables().secondManifest(1, GATEWAY));
  }

  /** The model that the unit did not change runs all the time. */
  @Test
  default void whoWasTakenBackAndIsToTryAgainDoesNotHaveTheUnit() {
    RolloutFleet fleet = running(2);
    RolloutId unit = fleet.begin(Wish.of(1, StageRule.percent(100)).asUnit());
    fleet.look(unit);
    fleet.hear();
    fleet.report(devices(1), SlotPhase.COMMITTED);
    fleet.report(devices(0), MAIN, SlotPhase.COMMITTED);
    fleet.report(devices(0), SECOND, SlotPhase.FAILED);
    fleet.look(unit);
    fleet.look(unit);
    fleet.hear();
    fleet.report(devices(0), MAIN, SlotPhase.COMMITTED);
    tables().present(device(0), false);
    fleet.act(unit, new RolloutEvent.Retry("tested"));
    assertThat(fleet.states(unit)).containsEntry(device(0), DeploymentState.PENDING);

    fleet.act(unit, new RolloutEvent.Abort("tested"));

    assertThat(fleet.states(unit))
        .containsEntry(device(0), DeploymentState.CANCELLED)
        .containsEntry(device(1), DeploymentState.COMMITTED);
  }

  /** What it runs was ordered back to before, and nobody has heard of it yet. */
  @Test
  default void aUnitThatChangedNoModelGoesBackToo() {
    RolloutFleet fleet = runningUnit(1);
    RolloutId bad = fleet.begin(UNIT);
    fleet.look(bad);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(bad);
    fleet.act(bad, new RolloutEvent.RollBack("tested"));
    fleet.hear();
    RolloutId same = fleet.begin(Wish.of(1, StageRule.percent(100)).asUnit());
    fleet.look(same);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(same);
    assertThat(fleet.in(same, DeploymentState.COMMITTED)).isEqualTo(devices(0));

    fleet.act(same, new RolloutEvent.RollBack("tested"));
    assertThat(fleet.in(same, DeploymentState.RESTORING)).isEqualTo(devices(0));
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(same);

    assertThat(fleet.in(same, DeploymentState.RESTORED)).isEqualTo(devices(0));
    assertThat(runs(fleet, device(0), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(0), SECOND)).contains(tables().secondManifest(1, GATEWAY));
  }

  /** It answered before: going back leaves it where it was. */
  @Test
  default void aUnitGoesBackToTheModelThatItDidNotChange() {
    RolloutFleet fleet = running(2);
    RolloutId unit = fleet.begin(Wish.of(1, StageRule.percent(100)).asUnit());
    fleet.look(unit);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    fleet.look(unit);

    fleet.act(unit, new RolloutEvent.RollBack("tested"));
    fleet.hear();

    assertThat(runs(fleet, device(1), MAIN)).contains(version(1));
    assertThat(runs(fleet, device(1), SECOND)).isEmpty();
  }
}
