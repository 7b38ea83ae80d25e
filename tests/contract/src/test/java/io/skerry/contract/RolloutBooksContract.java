package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Wish;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotPhase;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who is ordered what, stage by stage, and how the devices of each stage are counted. */
interface RolloutBooksContract {
  int DEVICES = 10;
  Wish TO_ALL = Wish.of(1, StageRule.percent(10), StageRule.percent(50), StageRule.percent(100));
  Wish NEXT = Wish.of(2, StageRule.percent(10), StageRule.percent(50), StageRule.percent(100));
  List<Integer> SIZES = List.of(1, 4, 5);

  /** Without devices. */
  Tables tables();

  @BeforeEach
  default void enrolDevices() {
    for (int device = 0; device < DEVICES; device++) {
      tables().enrol(device(device));
    }
  }

  @Test
  default void eachStageHasExactlyItsDevices() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant now = now();
    RolloutId rollout = tables().begin(TO_ALL, now);
    int touched = 0;
    for (int stage = 0; stage < SIZES.size(); stage++) {
      int here = SIZES.get(stage);
      touched += here;
      tables().look(rollout, "a", now);
      Census offered = census(rollout);
      assertThat(offered.devices(stage)).as("devices of stage %d", stage).isEqualTo(here);
      assertThat(offered.count(stage, DeploymentState.OFFERED)).isEqualTo(here);
      assertThat(offered.touched()).isEqualTo(touched);

      List<DeviceId> ordered = fleet.hear();
      assertThat(ordered).hasSize(here);
      fleet.report(ordered, SlotPhase.DOWNLOADING);
      tables().look(rollout, "a", now);
      assertThat(census(rollout).count(stage, DeploymentState.DOWNLOADING)).isEqualTo(here);
      fleet.report(ordered, SlotPhase.COMMITTED);
      tables().look(rollout, "a", now);
      assertThat(census(rollout).count(DeploymentState.COMMITTED)).isEqualTo(touched);
      assertThat(fleet.hear()).as("nobody is ordered before the next stage").isEmpty();
      applied(rollout, new RolloutEvent.Promote("tested"), now);
    }

    assertThat(state(rollout).phase()).isInstanceOf(RolloutPhase.Succeeded.class);
    assertThat(census(rollout).count(DeploymentState.COMMITTED)).isEqualTo(DEVICES);
    assertThat(fleet.revisions()).as("each once").hasSize(DEVICES).allMatch(one -> one == 1);
  }

  @Test
  default void everyTouchedDeviceGoesBackToWhatItRanBefore() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant now = now();
    everywhere(1, fleet, now);
    RolloutId rollout = tables().begin(NEXT, now);
    tables().look(rollout, "a", now);
    List<DeviceId> touched = fleet.hear();
    assertThat(touched).hasSize(1);
    fleet.report(touched, SlotPhase.COMMITTED);
    tables().look(rollout, "a", now);
    assertThat(census(rollout).cells())
        .singleElement()
        .matches(cell -> cell.replacing() && cell.state() == DeploymentState.COMMITTED);

    applied(rollout, new RolloutEvent.RollBack("tested"), now);

    assertThat(census(rollout).count(DeploymentState.RESTORING)).isEqualTo(1);
    assertThat(fleet.hear()).isEqualTo(touched);
    assertThat(fleet.versions()).hasSize(DEVICES).allMatch(version -> version == 1);
    fleet.report(touched, SlotPhase.COMMITTED);
    tables().look(rollout, "a", now);
    assertThat(census(rollout).count(DeploymentState.RESTORED)).isEqualTo(1);
    assertThat(state(rollout).phase()).isInstanceOf(RolloutPhase.RolledBack.class);
  }

  @Test
  default void whoIsNotThereIsOrderedWhenItIsBack() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant now = now();
    for (int device = 0; device < DEVICES; device++) {
      tables().present(device(device), false);
    }
    RolloutId rollout = tables().begin(TO_ALL, now);
    tables().look(rollout, "a", now);
    assertThat(fleet.hear()).isEmpty();
    assertThat(census(rollout).count(0, DeploymentState.PENDING)).isEqualTo(1);
    assertThat(census(rollout).cells()).noneMatch(Census.Cell::online);

    for (int device = 0; device < DEVICES; device++) {
      tables().present(device(device), true);
    }
    tables().look(rollout, "a", now);

    assertThat(fleet.hear()).hasSize(1);
    assertThat(census(rollout).cells())
        .singleElement()
        .matches(cell -> cell.online() && cell.state() == DeploymentState.OFFERED);
  }

  @Test
  default void aRolloutOutlivesTheProcess() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant now = now();
    RolloutId rollout = tables().begin(TO_ALL, now);
    tables().look(rollout, "a", now);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    tables().look(rollout, "a", now);
    applied(rollout, new RolloutEvent.Promote("tested"), now);
    RolloutState state = state(rollout);
    RolloutPlan plan = plan(rollout);

    tables().restart();

    assertThat(state(rollout)).isEqualTo(state);
    assertThat(plan(rollout)).isEqualTo(plan);
    assertThat(census(rollout).count(0, DeploymentState.COMMITTED)).isEqualTo(1);
    tables().look(rollout, "a", now);
    assertThat(census(rollout).count(1, DeploymentState.OFFERED)).isEqualTo(4);
    assertThat(fleet.hear()).hasSize(4);
  }

  @Test
  default void aNewerRolloutTakesTheOldOnesPlace() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Instant now = now();
    RolloutId older = tables().begin(TO_ALL, now);
    tables().look(older, "a", now);
    assertThat(fleet.hear()).hasSize(1);

    RolloutId newer = tables().begin(Wish.of(2, StageRule.percent(100)), now);
    tables().look(newer, "a", now);

    assertThat(state(older).phase()).isEqualTo(new RolloutPhase.Superseded(newer));
    fleet.hear();
    assertThat(fleet.versions()).hasSize(DEVICES).allMatch(version -> version == 2);
  }

  private void everywhere(long version, RolloutFleet fleet, Instant now) {
    RolloutId rollout = tables().begin(Wish.of(version, StageRule.percent(100)), now);
    tables().look(rollout, "a", now);
    fleet.report(fleet.hear(), SlotPhase.COMMITTED);
    tables().look(rollout, "a", now);
    applied(rollout, new RolloutEvent.Promote("tested"), now);
    assertThat(state(rollout).phase()).isInstanceOf(RolloutPhase.Succeeded.class);
  }

  private static DeviceId device(int number) {
    return new DeviceId("device-" + number);
  }

  private static Instant now() {
    return Instant.now().truncatedTo(ChronoUnit.MICROS);
  }

  private RolloutBooks books() {
    return tables().books();
  }

  private Census census(RolloutId rollout) {
    return books().forPerson(rollout, RolloutBooks.Page::census).orElseThrow();
  }

  private RolloutState state(RolloutId rollout) {
    return books().forPerson(rollout, RolloutBooks.Page::state).orElseThrow();
  }

  private RolloutPlan plan(RolloutId rollout) {
    return books().forPerson(rollout, RolloutBooks.Page::plan).orElseThrow();
  }

  private void applied(RolloutId rollout, RolloutEvent event, Instant now) {
    Optional<String> refusal =
        books()
            .forPerson(rollout, page -> RolloutDriver.apply(page, event, now).refusal())
            .orElseThrow();
    assertThat(refusal).isEmpty();
  }
}
