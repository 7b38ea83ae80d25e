package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.GateSpec;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.gate.Verdict;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RolloutMachineTest {
  private static final Duration SOAK = Duration.ofSeconds(10);
  private static final int DEVICES = 51;
  private static final List<StageRule> TENTHS =
      List.of(StageRule.percent(10), StageRule.percent(50), StageRule.percent(100));
  private static final MaintenanceWindow NIGHT =
      new MaintenanceWindow(
          List.of(DayOfWeek.values()), LocalTime.of(22, 0), Duration.ofHours(4), ZoneOffset.UTC);

  @Test
  void succeedsAfterEveryStageSoakedAndPassed() {
    SimulatedRollout rollout = started();

    for (int stage = 0; stage < 3; stage++) {
      rollout.commitOffered();
      rollout.observe(SimulatedRollout.GOOD);
      assertThat(rollout.state.stages().get(stage).state()).isEqualTo(StageState.SOAKING);
      rollout.pass(SOAK);
      rollout.observe(SimulatedRollout.GOOD);
      assertThat(rollout.state.stages().get(stage).state()).isEqualTo(StageState.PASSED);
    }

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Succeeded(""));
    assertThat(rollout.count(DeploymentState.COMMITTED)).isEqualTo(DEVICES);
  }

  @Test
  void countsNoDeviceThatHasLeftItsStage() {
    SimulatedRollout rollout = ready(limits(0, Pace.UNLIMITED, 5, List.of()));
    List<SimulatedRollout.Member> first =
        rollout.members.stream().filter(member -> member.stage == 0).toList();
    first.subList(1, first.size()).forEach(member -> member.eligible = false);
    rollout.apply(new RolloutEvent.Start());

    while (rollout.count(DeploymentState.NOT_ELIGIBLE) < first.size() - 1) {
      rollout.observe(SimulatedRollout.GOOD);
    }
    succeedStage(rollout);

    assertThat(rollout.census().devices(0)).isEqualTo(1);
    assertThat(rollout.census().touched()).as("with the next stage's").isLessThanOrEqualTo(6);
    assertThat(rollout.census().failures(true).values())
        .as("members")
        .allMatch(devices -> devices.members() > 0);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.PASSED);
  }

  @Test
  void pausesWhenEveryDeviceOfTheFirstStageHasLeftIt() {
    SimulatedRollout rollout = ready(limits(0, Pace.UNLIMITED, 1000, List.of()));
    rollout.members.stream()
        .filter(member -> member.stage == 0)
        .forEach(member -> member.eligible = false);
    rollout.apply(new RolloutEvent.Start());

    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.stagesOpened).isEqualTo(1);
    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
    assertThat(rollout.state.phase().explanation())
        .contains("every device of the stage has become not eligible")
        .endsWith("promote to go on without them, or abort");
  }

  @Test
  void pausesAlsoWhenOthersOfTheFirstStageWereRemoved() {
    SimulatedRollout rollout = ready(limits(0, Pace.UNLIMITED, 1000, List.of()));
    List<SimulatedRollout.Member> first =
        rollout.members.stream().filter(member -> member.stage == 0).toList();
    first.subList(1, first.size()).forEach(member -> member.eligible = false);
    rollout.apply(new RolloutEvent.Start());
    rollout.observe(SimulatedRollout.GOOD);
    first.getFirst().state = DeploymentState.REMOVED;

    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
    assertThat(rollout.state.phase().explanation()).contains("or was removed");
  }

  @Test
  void pausesAtOnceWhenEveryDeviceOfTheFirstStageWasRemoved() {
    SimulatedRollout rollout = started();
    remove(rollout, 0);

    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase())
        .isEqualTo(
            new RolloutPhase.Paused(
                0,
                PauseReason.GATE_INCONCLUSIVE,
                "every device of the stage was removed, and none runs the version: promote to go on"
                    + " without them, or abort"));
  }

  @Test
  void goesOnAtOnceWhenEveryDeviceOfALaterStageWasRemoved() {
    SimulatedRollout rollout = started();
    succeedStage(rollout);
    remove(rollout, 1);

    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(2));
    assertThat(rollout.state.stages().get(1).reason())
        .isEqualTo("every device of this stage was removed");
  }

  @Test
  void pausesAsSoonAsTheSoakIsOverWhenEveryDeviceWasRemovedMeanwhile() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);
    remove(rollout, 0);
    rollout.pass(SOAK);

    rollout.observe(Evidence.NONE);

    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
    assertThat(rollout.state.phase().explanation())
        .startsWith("every device of the stage was removed while it was watched; ");
  }

  @Test
  void judgesStagesOfRemovedDevicesThatWereStoredEarlierAsTheyWereJudgedThen() {
    SimulatedRollout rollout = started();
    remove(rollout, 0);

    rollout.apply(
        new RolloutEvent.Observed(rollout.census(), SimulatedRollout.GOOD, rollout.heardSince, 3));

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(0));
  }

  @Test
  void goesOnWhenEveryDeviceOfALaterStageHasLeftIt() {
    SimulatedRollout rollout = started();
    rollout.members.stream()
        .filter(member -> member.stage == 1)
        .forEach(member -> member.eligible = false);
    succeedStage(rollout);

    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(2));
  }

  @Test
  void keepsTheHoldbackUntilEveryStageHasPassed() {
    SimulatedRollout rollout = started(limits(7, Pace.UNLIMITED, 1000, List.of()));
    for (int stage = 0; stage < 3; stage++) {
      assertThat(rollout.stagesOpened).isEqualTo(stage + 1);
      succeedStage(rollout);
    }
    assertThat(rollout.count(DeploymentState.PENDING)).isEqualTo(7);

    rollout.observe(Evidence.NONE);
    rollout.commitOffered();
    rollout.observe(Evidence.NONE);

    assertThat(rollout.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(rollout.count(DeploymentState.COMMITTED)).isEqualTo(DEVICES);
  }

  @Test
  void doesNotOpenTheNextStageBeforeTheSoakIsOver() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);

    rollout.pass(SOAK.minusMillis(1));
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.stagesOpened).isEqualTo(1);
  }

  @Test
  void takesSilenceForNoSuccess() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(Evidence.NONE);

    rollout.pass(SOAK.multipliedBy(2));
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(0));
    rollout.pass(rollout.plan.deadlines().stage());
    rollout.observe(Evidence.NONE);

    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.INCONCLUSIVE);
    assertThat(rollout.state.phase().explanation()).contains("NO_DATA");
  }

  @Test
  void rollsEveryTouchedDeviceBackWhenHarmIsShown() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    long touched = rollout.count(DeploymentState.COMMITTED);

    rollout.observe(SimulatedRollout.BAD);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");
    assertThat(rollout.state.phase().explanation()).contains("failed-predictions");
    assertThat(rollout.count(DeploymentState.RESTORING)).isEqualTo(touched);
    rollout.members.forEach(
        member -> {
          if (member.state == DeploymentState.RESTORING) {
            member.state = DeploymentState.RESTORED;
          }
        });
    rollout.observe(SimulatedRollout.BAD);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(rollout.stagesOpened).isEqualTo(1);
  }

  @Test
  void endsRollingBackWithoutDevicesThatAreOffline() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.BAD);

    rollout.members.forEach(member -> member.online = false);
    rollout.observe(SimulatedRollout.BAD);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
    assertThat(rollout.state.phase().explanation()).contains("offline and ordered back");
    assertThat(rollout.count(DeploymentState.DEFERRED)).isPositive();
  }

  @Test
  void waitsForDevicesThatItHasOnlyBegunToHear() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.BAD);
    rollout.members.forEach(member -> member.online = false);

    rollout.heardSince = rollout.now;
    rollout.observe(SimulatedRollout.BAD);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");

    rollout.pass(rollout.plan.deadlines().start());
    rollout.observe(SimulatedRollout.BAD);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
  }

  @Test
  void holdsInsteadOfRollingBackWithoutAVersionBefore() {
    SimulatedRollout rollout = started();
    rollout.replacing = false;
    rollout.commitOffered();

    rollout.observe(SimulatedRollout.BAD);
    rollout.observe(SimulatedRollout.BAD);

    assertThat(rollout.state.phase().code()).isEqualTo("ABORTED");
    assertThat(rollout.count(DeploymentState.COMMITTED)).isPositive();
  }

  @Test
  void takesOrdersBackWithoutAskingTheDevices() {
    SimulatedRollout rollout = started();
    long offered = rollout.count(DeploymentState.OFFERED);

    rollout.apply(new RolloutEvent.Abort("wrong version"));

    assertThat(rollout.count(DeploymentState.CANCELLED)).isEqualTo(offered);
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase().code()).isEqualTo("ABORTED");
  }

  @Test
  void ordersWhoCouldNotGoBackToDoSoAgainAndAgainAtGrowingDistances() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.RollBack("too hot"));
    SimulatedRollout.Member stuck =
        rollout.members.stream()
            .filter(one -> one.state == DeploymentState.RESTORING)
            .findFirst()
            .orElseThrow();
    rollout.members.stream()
        .filter(one -> one != stuck && one.state == DeploymentState.RESTORING)
        .forEach(one -> one.state = DeploymentState.RESTORED);
    rollout.couldNotGoBack(stuck);
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");

    Duration pause = rollout.plan.deadlines().start();
    for (int again = 0; again < RolloutPlan.RESTORES_MAX; again++) {
      rollout.pass(pause.minusMillis(1));
      rollout.observe(Evidence.NONE);
      assertThat(stuck.state).isEqualTo(DeploymentState.RESTORE_FAILED);
      rollout.pass(Duration.ofMillis(1));
      rollout.observe(Evidence.NONE);
      assertThat(stuck.state).as("try %d", again).isEqualTo(DeploymentState.RESTORING);
      if (again % 2 == 0) {
        rollout.couldNotGoBack(stuck);
      } else {
        rollout.pass(rollout.plan.deadlines().progress());
        rollout.observe(Evidence.NONE);
        assertThat(stuck.state).as("in time").isEqualTo(DeploymentState.RESTORE_FAILED);
      }
      pause = pause.multipliedBy(4);
    }
    rollout.pass(Duration.ofDays(30));
    rollout.observe(Evidence.NONE);
    assertThat(stuck.state).isEqualTo(DeploymentState.RESTORE_FAILED);

    assertThat(RolloutAct.allowedIn(rollout.plan, rollout.state)).containsExactly(RolloutAct.RETRY);
    rollout.apply(new RolloutEvent.Retry("the disk has room again"));
    assertThat(stuck.state).isEqualTo(DeploymentState.RESTORING);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");

    RolloutState once = rollout.state;
    rollout.pass(Duration.ofMinutes(1));
    rollout.apply(new RolloutEvent.Retry("the disk has room again"));
    assertThat(rollout.state).as("another act").isNotEqualTo(once);
  }

  @Test
  void endsBeforeWhoCouldNotGoBackIsOrderedToDoSoAgain() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.RollBack("too hot"));
    List<SimulatedRollout.Member> back =
        rollout.members.stream().filter(one -> one.state == DeploymentState.RESTORING).toList();
    SimulatedRollout.Member stuck = back.getFirst();
    rollout.couldNotGoBack(stuck);
    rollout.pass(rollout.plan.deadlines().start());
    // Others are under way still, and in time.
    back.stream().skip(1).forEach(one -> one.orderedAt = rollout.now);

    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");
    assertThat(stuck.state).isEqualTo(DeploymentState.RESTORE_FAILED);

    back.stream().skip(1).forEach(one -> one.state = DeploymentState.RESTORED);
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
    rollout.observe(Evidence.NONE);
    assertThat(stuck.state).isEqualTo(DeploymentState.RESTORING);
  }

  @Test
  void ordersWhoCouldNotGoBackToDoSoAgainWithinTwoDaysHoweverLongADeviceMayTakeToBegin() {
    Duration day = Duration.ofDays(1);
    RolloutPlan.Deadlines deadlines = new RolloutPlan.Deadlines(day, day, day, day);

    assertThat(deadlines.restoreAgain(0)).contains(day);
    for (int again = 1; again < RolloutPlan.RESTORES_MAX; again++) {
      assertThat(deadlines.restoreAgain(again)).contains(Duration.ofDays(2));
    }
    assertThat(deadlines.restoreAgain(RolloutPlan.RESTORES_MAX)).isEmpty();
  }

  @Test
  void dropsATrialThatIsAbortedOrSuperseded() {
    for (RolloutEvent end :
        List.of(
            new RolloutEvent.Abort("enough"), new RolloutEvent.Supersede(new RolloutId("newer")))) {
      SimulatedRollout trial =
          new SimulatedRollout(DEVICES, trial(new RolloutKind.Split(.5, true)));
      trial.apply(new RolloutEvent.Start());
      trial.commitOffered();

      assertThat(trial.apply(end).effects()).contains(new RolloutEffect.ConcludeTrial(false));
    }
  }

  @Test
  void leadsWhatWasGoodOnTrialThroughTheStagesAsTheActiveVersion() {
    SimulatedRollout trial = watched(RolloutPlan.Limits.NONE, TENTHS);
    int first = (int) trial.members.stream().filter(one -> one.stage == 0).count();

    trial.observe(SimulatedRollout.GOOD_OF_MORE);

    assertThat(trial.state.phase()).isEqualTo(new RolloutPhase.Running(0));
    assertThat(trial.state.promotion().orElseThrow().trial())
        .allMatch(stage -> stage.state() == StageState.PASSED);
    for (int look = 0; look < 3; look++) {
      trial.observe(SimulatedRollout.GOOD);
      trial.commitOffered();
    }
    assertThat(trial.count(DeploymentState.COMMITTED)).isEqualTo(first);
    assertThat(trial.count(DeploymentState.PENDING)).isEqualTo(DEVICES - first);

    for (int stage = 0; stage < TENTHS.size(); stage++) {
      assertThat(trial.state.phase()).isEqualTo(new RolloutPhase.Running(stage));
      succeedStage(trial);
    }
    assertThat(trial.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(trial.state.phase().explanation())
        .startsWith("promoted: ")
        .contains("failed-predictions");
    assertThat(trial.count(DeploymentState.COMMITTED)).isEqualTo(DEVICES);
  }

  @Test
  void stopsAPromotionByWhatItsFirstDevicesDo() {
    SimulatedRollout trial = watched(RolloutPlan.Limits.NONE, TENTHS);
    trial.observe(SimulatedRollout.GOOD_OF_MORE);
    trial.observe(SimulatedRollout.GOOD);
    trial.commitOffered();
    long switched = trial.count(DeploymentState.COMMITTED);

    RolloutMachine.Step stopped = trial.observe(SimulatedRollout.BAD);

    assertThat(stopped.effects()).containsExactly(new RolloutEffect.RestoreTouched());
    assertThat(trial.state.phase().code()).isEqualTo("ROLLING_BACK");
    assertThat(trial.state.phase().explanation()).contains("failed-predictions");
    assertThat(trial.count(DeploymentState.RESTORING)).isEqualTo(switched);
  }

  @Test
  void judgesAPromotionByItsOwnDevicesOnly() {
    SimulatedRollout trial = watched(RolloutPlan.Limits.NONE, TENTHS);
    // As many as would stop any stage.
    trial.members.stream()
        .filter(one -> one.stage == TENTHS.size() - 1)
        .limit(20)
        .forEach(one -> one.state = DeploymentState.REJECTED);
    trial.apply(new RolloutEvent.Promote("they are old"));

    for (int stage = 0; stage < TENTHS.size(); stage++) {
      assertThat(trial.state.phase()).isEqualTo(new RolloutPhase.Running(stage));
      trial.observe(SimulatedRollout.GOOD);
      succeedStage(trial);
    }

    assertThat(trial.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(trial.count(DeploymentState.REJECTED)).isEqualTo(20);
    assertThat(trial.count(DeploymentState.COMMITTED)).isEqualTo(DEVICES - 20);
  }

  @Test
  void promotesAtOnceWhatWasStoredBeforeItWentThroughTheStages() {
    for (RolloutEvent end :
        List.of(
            new RolloutEvent.Observed(Census.NONE, SimulatedRollout.GOOD, Instant.EPOCH, 11),
            new RolloutEvent.Promote("now", List.of(), 11))) {
      SimulatedRollout trial = watched(RolloutPlan.Limits.NONE);
      RolloutEvent event =
          end instanceof RolloutEvent.Observed observed ? observed.of(trial.census()) : end;

      RolloutMachine.Step step = RolloutMachine.step(trial.plan, trial.state, event, trial.now);

      assertThat(step.state().phase().code()).isEqualTo("SUCCEEDED");
      assertThat(step.state().promotion()).isEmpty();
      assertThat(step.effects()).containsExactly(new RolloutEffect.ConcludeTrial(true));
      assertThat(RolloutMachine.isPromoted(trial.plan, step.state())).isTrue();
    }
  }

  @Test
  void makesATrialActiveWithinItsWindowsOnly() {
    SimulatedRollout trial = watched(limits(0, Pace.UNLIMITED, 1000, List.of(NIGHT)));
    trial.now = Instant.parse("2026-01-06T12:00:00Z");
    trial.observe(SimulatedRollout.GOOD_OF_MORE);

    assertThat(trial.state.promotion()).as("nothing is waited for").isPresent();
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.inFlightOnline()).as("by day").isZero();
    trial.now = Instant.parse("2026-01-06T22:00:00Z");
    trial.observe(SimulatedRollout.GOOD);
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.inFlightOnline()).as("by night").isEqualTo(DEVICES);
  }

  @Test
  void makesATrialActiveOnNoMoreDevicesAtATimeThanMayBeUnderWay() {
    SimulatedRollout trial = watched(limits(0, Pace.UNLIMITED, 7, List.of()));
    trial.members.getFirst().online = false;
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.state.promotion()).isPresent();

    int looks = 0;
    while (trial.count(DeploymentState.COMMITTED) < DEVICES - 1 && looks < DEVICES) {
      trial.observe(SimulatedRollout.GOOD);
      assertThat(trial.inFlightOnline()).isBetween(1L, 7L);
      trial.commitOffered();
      looks++;
    }
    assertThat(looks).isEqualTo((DEVICES - 1 + 6) / 7);

    trial.members.getFirst().online = true;
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.members.getFirst().state)
        .as("who was away gets it when it is back")
        .isEqualTo(DeploymentState.OFFERED);
    trial.pass(trial.plan.deadlines().start());
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.members.getFirst().state).isEqualTo(DeploymentState.NOT_REACHED);
    trial.apply(new RolloutEvent.Retry("again"));
    assertThat(trial.members.getFirst().state).isEqualTo(DeploymentState.PENDING);
  }

  @Test
  void sendsAPromotedTrialBack() {
    SimulatedRollout trial = watched(RolloutPlan.Limits.NONE);
    trial.observe(SimulatedRollout.GOOD);
    trial.commitOffered();
    trial.observe(SimulatedRollout.GOOD);
    trial.pass(SOAK);
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(RolloutAct.allowedIn(trial.plan, trial.state)).contains(RolloutAct.ROLLBACK);

    RolloutMachine.Step back = trial.apply(new RolloutEvent.RollBack("too hot"));

    assertThat(back.effects()).containsExactly(new RolloutEffect.RestoreTouched());
    assertThat(back.state().phase().code()).isEqualTo("ROLLING_BACK");
  }

  // A trial whose devices all run it, at the end of its watch.
  private static SimulatedRollout watched(RolloutPlan.Limits limits) {
    return watched(limits, List.of(StageRule.percent(100)));
  }

  private static SimulatedRollout watched(RolloutPlan.Limits limits, List<StageRule> stages) {
    SimulatedRollout trial =
        new SimulatedRollout(DEVICES, trial(new RolloutKind.Split(.5, true), stages, limits));
    trial.now = Instant.parse("2026-01-05T23:00:00Z");
    trial.apply(new RolloutEvent.Start());
    for (int stage = 0; stage < stages.size() - 1; stage++) {
      trial.commitOffered();
      trial.observe(SimulatedRollout.GOOD);
      trial.pass(SOAK);
      trial.observe(SimulatedRollout.GOOD);
    }
    for (int look = 0; look < DEVICES; look++) {
      trial.observe(SimulatedRollout.GOOD);
      trial.commitOffered();
    }
    trial.observe(SimulatedRollout.GOOD);
    assertThat(trial.count(DeploymentState.COMMITTED)).isEqualTo(DEVICES);
    trial.pass(SOAK);
    return trial;
  }

  @Test
  void makesATrialActiveBeforeItsEndWhenAPersonSaysSo() {
    SimulatedRollout trial = new SimulatedRollout(DEVICES, trial(new RolloutKind.Split(.5, true)));
    trial.apply(new RolloutEvent.Start());

    assertThat(trial.apply(new RolloutEvent.Promote("now")).effects())
        .startsWith(new RolloutEffect.ConcludeTrial(true));
    assertThat(trial.count(DeploymentState.OFFERED)).isEqualTo(DEVICES);
  }

  @Test
  void defersOfflineDevicesAtTheStageDeadlineAndOffersThemTheVersionLater() {
    SimulatedRollout rollout = started();
    SimulatedRollout.Member late = rollout.members.getFirst();
    late.online = false;
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.RUNNING);

    rollout.pass(rollout.plan.deadlines().stage());
    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(late.state).isEqualTo(DeploymentState.DEFERRED);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);

    late.online = true;
    late.hasOrder = false;
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(late.state).isEqualTo(DeploymentState.OFFERED);
  }

  @Test
  void countsNoStageDeadlineWhileNobodyIsHeard() {
    SimulatedRollout rollout = started();
    SimulatedRollout.Member late = rollout.members.getFirst();
    late.online = false;
    rollout.commitOffered();
    Duration half = rollout.plan.deadlines().stage().dividedBy(2);

    rollout.pass(half);
    silent(rollout, rollout.plan.deadlines().stage());
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(late.state).isNotEqualTo(DeploymentState.DEFERRED);

    rollout.pass(half);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(late.state).as("the half before counts").isEqualTo(DeploymentState.DEFERRED);
  }

  @Test
  void soaksOnlyWhileItHears() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);

    silent(rollout, SOAK.plus(rollout.plan.deadlines().stage()));
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);

    rollout.pass(SOAK);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.PASSED);
  }

  @Test
  void endsASoakHoweverOftenNobodyIsHeardForAWhile() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);

    for (int gap = 0; gap < 20; gap++) {
      assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.SOAKING);
      rollout.pass(SOAK.dividedBy(20));
      silent(rollout, Duration.ofSeconds(11));
    }
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.PASSED);
    RolloutState again = RolloutState.ready(rollout.plan);
    for (SimulatedRollout.Stored stored : rollout.events) {
      again = RolloutMachine.step(rollout.plan, again, stored.event(), stored.at()).state();
    }
    assertThat(again).isEqualTo(rollout.state);
  }

  // What began in the silence moves on by the rest of it only.
  @Test
  void movesNothingBeyondNow() {
    SimulatedRollout rollout = started();
    rollout.pass(Duration.ofSeconds(5));

    rollout.apply(new RolloutEvent.Unheard(Duration.ofDays(9)));

    assertThat(rollout.state.stages().getFirst().deadlineSince()).contains(rollout.now);
    assertThat(rollout.state.stages().getFirst().openedAt()).contains(SimulatedRollout.START);
  }

  private static void silent(SimulatedRollout rollout, Duration silence) {
    rollout.pass(silence);
    rollout.heardSince = rollout.now;
    rollout.apply(new RolloutEvent.Unheard(silence));
  }

  @Test
  void letsOnlineDevicesThatNeverBeginTimeOut() {
    SimulatedRollout rollout = started();

    rollout.pass(rollout.plan.deadlines().start());
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.count(DeploymentState.OFFERED)).isZero();
    assertThat(rollout.count(DeploymentState.NOT_REACHED)).isPositive();
    assertThat(rollout.state.phase().code()).isEqualTo("RUNNING");
  }

  @Test
  void pausesAndRollsNothingBackWhereLinesAreTooSlow() {
    SimulatedRollout rollout = started();
    List<SimulatedRollout.Member> offered =
        rollout.members.stream().filter(one -> one.state == DeploymentState.OFFERED).toList();
    List<SimulatedRollout.Member> slow = offered.subList(0, (3 * offered.size() + 9) / 10);
    slow.forEach(one -> one.state = DeploymentState.DOWNLOADING);
    rollout.commitOffered();

    rollout.pass(rollout.plan.deadlines().progress());
    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(slow).allMatch(one -> one.state == DeploymentState.NOT_REACHED);
    rollout.pass(rollout.plan.deadlines().stage());
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.phase())
        .isInstanceOfSatisfying(
            RolloutPhase.Paused.class,
            paused -> {
              assertThat(paused.why()).isEqualTo(PauseReason.GATE_INCONCLUSIVE);
              assertThat(paused.reason()).contains("did not get the version in time");
            });
    rollout.apply(new RolloutEvent.Retry("the port is there again"));
    assertThat(slow).allMatch(one -> one.state == DeploymentState.PENDING);
  }

  @Test
  void goesOnWithoutAFewWhomItDoesNotReach() {
    SimulatedRollout rollout = started();
    rollout.members.stream()
            .filter(one -> one.state == DeploymentState.OFFERED)
            .findFirst()
            .orElseThrow()
            .state =
        DeploymentState.DOWNLOADING;
    rollout.commitOffered();

    rollout.pass(rollout.plan.deadlines().progress());
    rollout.observe(SimulatedRollout.GOOD);
    rollout.observe(SimulatedRollout.GOOD);
    rollout.pass(SOAK);
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.state.stages().getFirst().state()).isEqualTo(StageState.PASSED);
  }

  @Test
  void triesFailedDevicesAgainButNotRejectedOnes() {
    SimulatedRollout rollout = started();
    rollout.members.get(0).state = DeploymentState.TIMED_OUT;
    rollout.members.get(1).state = DeploymentState.REJECTED;

    rollout.apply(new RolloutEvent.Retry("network mended"));
    rollout.observe(SimulatedRollout.GOOD);

    assertThat(rollout.members.get(0).state).isEqualTo(DeploymentState.OFFERED);
    assertThat(rollout.members.get(1).state).isEqualTo(DeploymentState.REJECTED);
  }

  @Test
  void stopsAStageThatFailsHoweverManyDevicesOfEarlierStagesAreGood() {
    ProfileId profile = new ProfileId("x86-64-avx2");
    RolloutPlan plan =
        plan(List.of(StageRule.percent(90), StageRule.percent(100)), RolloutPlan.Limits.NONE);
    Census census =
        new Census(
            List.of(
                new Census.Cell(0, profile, DeploymentState.COMMITTED, true, true, 900),
                new Census.Cell(1, profile, DeploymentState.FAILED, true, true, 100)));

    assertThat(RolloutMachine.judge(plan, 1, census, Evidence.NONE))
        .anySatisfy(
            result -> {
              assertThat(result.gate()).isEqualTo("device-failures");
              assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
              assertThat(result.scope()).isEqualTo(GateResult.STAGE);
            });
    assertThat(
            RolloutMachine.judge(
                plan, 0, new Census(List.of(census.cells().getFirst())), Evidence.NONE))
        .noneMatch(result -> result.scope().startsWith(GateResult.STAGE));
  }

  @Test
  void holdsNoSmallStageBackForOneDeviceThatFailed() {
    RolloutPlan plan =
        plan(List.of(StageRule.percent(90), StageRule.percent(100)), RolloutPlan.Limits.NONE);

    assertThat(RolloutMachine.judge(plan, 1, afterGood(900, 2, 1), Evidence.NONE))
        .filteredOn(result -> result.gate().equals("device-failures"))
        .noneMatch(GateResult::blocks);
    assertThat(RolloutMachine.judge(plan, 1, afterGood(900, 1, 0), Evidence.NONE))
        .as("one of which the others are offline")
        .filteredOn(result -> result.gate().equals("device-failures"))
        .noneMatch(GateResult::blocks);
    assertThat(RolloutMachine.judge(plan, 1, afterGood(900, 0, 3), Evidence.NONE))
        .as("all of three are harm")
        .anyMatch(result -> result.verdict() == Verdict.FAIL);
    assertThat(RolloutMachine.judge(plan, 1, afterGood(900, 15, 5), Evidence.NONE))
        .as("a quarter of twenty is to be looked at")
        .filteredOn(result -> result.scope().equals(GateResult.STAGE))
        .allMatch(GateResult::blocks);
  }

  private static Census afterGood(int before, int good, int failed) {
    ProfileId profile = new ProfileId("x86-64-avx2");
    return new Census(
        List.of(
            new Census.Cell(0, profile, DeploymentState.COMMITTED, true, true, before),
            new Census.Cell(1, profile, DeploymentState.COMMITTED, true, true, good),
            new Census.Cell(1, profile, DeploymentState.FAILED, true, true, failed)));
  }

  @Test
  void waitsForNoOutcomesOfAVersionThatOnlyShadows() {
    assertThat(accuracy(new RolloutKind.Shadow(true), RolloutEvent.Observed.RULES)).isEmpty();
    assertThat(accuracy(new RolloutKind.Split(.5, true), RolloutEvent.Observed.RULES))
        .anyMatch(GateResult::blocks);
    assertThat(accuracy(new RolloutKind.Shadow(true), 1))
        .as("kept from before: judged as it was then")
        .anyMatch(GateResult::blocks);
  }

  // Gates on accuracy of a trial whose devices told of the old version only.
  private static List<GateResult> accuracy(RolloutKind kind, int rules) {
    Evidence outcomes =
        new Evidence(
            Map.of(
                new ProfileId("edge"),
                new Evidence.OfProfile(
                    Map.of(
                        Metric.ACCURACY,
                        new Comparison(ArmSums.NONE, ArmSums.NONE.plus(100, 90))))),
            OptionalDouble.of(.9));
    SimulatedRollout rollout = new SimulatedRollout(DEVICES, trial(kind));
    rollout.apply(new RolloutEvent.Start());
    RolloutEvent seen = new RolloutEvent.Observed(Census.NONE, outcomes, Instant.EPOCH, rules);
    RolloutState after =
        RolloutMachine.step(rollout.plan, rollout.state, seen, rollout.now).state();
    return after
        .promotion()
        .map(RolloutState.Promotion::trial)
        .orElse(after.stages())
        .getFirst()
        .evidence()
        .stream()
        .filter(result -> result.gate().startsWith("accuracy"))
        .toList();
  }

  private static RolloutPlan trial(RolloutKind kind) {
    return trial(kind, List.of(StageRule.percent(100)), RolloutPlan.Limits.NONE);
  }

  private static RolloutPlan trial(
      RolloutKind kind, List<StageRule> stages, RolloutPlan.Limits limits) {
    return new RolloutPlan(
        kind,
        stages,
        limits,
        false,
        SOAK,
        RolloutPlan.Deadlines.forSoak(SOAK),
        RolloutPlan.Approval.NONE,
        GateSettings.DEFAULTS);
  }

  @Test
  void judgesWhatWasStoredBeforeStagesWereJudgedAloneAsItWasJudgedThen() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.Promote("small"));
    rollout.members.stream()
        .filter(member -> member.stage == 1)
        .forEach(member -> member.state = DeploymentState.FAILED);
    ProfileId profile = new ProfileId("profile-0");
    Census census =
        new Census(
            List.of(
                new Census.Cell(0, profile, DeploymentState.COMMITTED, true, true, 900),
                new Census.Cell(1, profile, DeploymentState.FAILED, true, true, 100)));

    RolloutEvent stored = new RolloutEvent.Observed(census, Evidence.NONE, Instant.EPOCH, 0);
    RolloutEvent now = new RolloutEvent.Observed(census, Evidence.NONE, Instant.EPOCH);

    assertThat(phaseAfter(rollout, stored)).isEqualTo("RUNNING");
    assertThat(phaseAfter(rollout, now)).isEqualTo("ROLLING_BACK");
  }

  @Test
  void seesHarmThatOnlyTheOpenStagesDevicesSuffer() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.Promote("small"));
    Evidence diluted = failing(500, .004, 50, .05);

    assertThat(phaseAfter(rollout, observed(diluted, 2)))
        .as("kept from before: judged as it was then")
        .isEqualTo("RUNNING");
    assertThat(phaseAfter(rollout, observed(diluted, RolloutEvent.Observed.RULES)))
        .isEqualTo("ROLLING_BACK");
    assertThat(phaseAfter(rollout, observed(failing(500, 0, 50, 0), RolloutEvent.Observed.RULES)))
        .isEqualTo("RUNNING");
  }

  @Test
  void asksOfALargeStageAloneWhatTheFirstHadToProve() {
    Evidence open = failing(200, 0, 30, .008);

    assertThat(ofStage(judgedSecond(open, 30, 30)))
        .as("30 devices leave open whether it is a point")
        .anyMatch(GateResult::blocks);
    assertThat(ofStage(judgedSecond(open, 100, 30)))
        .as("which is not asked of fewer than the first stage has")
        .isNotEmpty()
        .noneMatch(GateResult::blocks);
    assertThat(ofStage(judgedSecond(failing(200, 0, 30, .03), 100, 30)))
        .as("harm that is likely holds it all the same")
        .anyMatch(GateResult::blocks);
    assertThat(ofStage(judgedSecond(failing(200, 0, 4, .03), 100, 4)))
        .as("but fewer than five devices hold nothing back")
        .isNotEmpty()
        .noneMatch(GateResult::blocks);
  }

  // Fifty predictions on each device; so many of all fail, and of the open stage's own.
  private static Evidence failing(int all, double share, int own, double ownShare) {
    return new Evidence(failures(all, share), failures(own, ownShare), OptionalDouble.empty());
  }

  private static Map<ProfileId, Evidence.OfProfile> failures(int devices, double share) {
    ArmSums newer = ArmSums.NONE;
    ArmSums older = ArmSums.NONE;
    for (int device = 0; device < devices; device++) {
      newer = newer.plus(50, 50 * share);
    }
    for (int device = 0; device < 500; device++) {
      older = older.plus(50, 0);
    }
    return Map.of(
        new ProfileId("profile-0"),
        new Evidence.OfProfile(Map.of(Metric.FAILED_PREDICTIONS, new Comparison(newer, older))));
  }

  private static RolloutEvent observed(Evidence evidence, int rules) {
    ProfileId profile = new ProfileId("profile-0");
    Census census =
        new Census(
            List.of(
                new Census.Cell(0, profile, DeploymentState.COMMITTED, true, true, 450),
                new Census.Cell(1, profile, DeploymentState.COMMITTED, true, true, 50)));
    return new RolloutEvent.Observed(census, evidence, Instant.EPOCH, rules);
  }

  private static List<GateResult> judgedSecond(Evidence evidence, int first, int second) {
    ProfileId profile = new ProfileId("profile-0");
    return RolloutMachine.judge(
        plan(List.of(StageRule.percent(50), StageRule.percent(100)), RolloutPlan.Limits.NONE),
        1,
        new Census(
            List.of(
                new Census.Cell(0, profile, DeploymentState.COMMITTED, true, true, first),
                new Census.Cell(1, profile, DeploymentState.COMMITTED, true, true, second))),
        evidence);
  }

  private static List<GateResult> ofStage(List<GateResult> results) {
    return results.stream()
        .filter(result -> result.gate().equals("failed-predictions"))
        .filter(result -> result.scope().startsWith(GateResult.STAGE))
        .toList();
  }

  private static String phaseAfter(SimulatedRollout rollout, RolloutEvent event) {
    return RolloutMachine.step(rollout.plan, rollout.state, event, rollout.now)
        .state()
        .phase()
        .code();
  }

  @Test
  void goesBackAfterItsEndAtOnce() {
    SimulatedRollout rollout = started();
    for (int stage = 0; stage < 3; stage++) {
      succeedStage(rollout);
    }
    assertThat(rollout.state.phase().code()).isEqualTo("SUCCEEDED");

    assertThat(rollout.apply(new RolloutEvent.RollBack("field report")).refusal()).isEmpty();

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.RollingBack("field report"));
    assertThat(rollout.count(DeploymentState.RESTORING)).isEqualTo(DEVICES);
    rollout.members.forEach(member -> member.state = DeploymentState.RESTORED);
    rollout.observe(Evidence.NONE);
    assertThat(rollout.state.phase().code()).isEqualTo("ROLLED_BACK");
  }

  @Test
  void triesFailedDevicesAgainAfterSuccessUnderTheCatchUpLimit() {
    SimulatedRollout rollout = started();
    for (int stage = 0; stage < 3; stage++) {
      succeedStage(rollout);
    }
    rollout.members.get(7).state = DeploymentState.FAILED;
    RolloutState before = rollout.state;

    rollout.apply(new RolloutEvent.Retry("network mended"));
    assertThat(rollout.state).as("so that it is kept").isNotEqualTo(before);
    rollout.observe(Evidence.NONE);

    assertThat(rollout.state.phase().code()).isEqualTo("SUCCEEDED");
    assertThat(rollout.members.get(7).state).isEqualTo(DeploymentState.OFFERED);
  }

  @Test
  void opensNothingWhilePausedButStillActsOnHarm() {
    SimulatedRollout rollout = started();
    rollout.commitOffered();
    rollout.apply(new RolloutEvent.Pause("lunch"));
    rollout.pass(SOAK.multipliedBy(3));
    rollout.observe(SimulatedRollout.GOOD);
    assertThat(rollout.state.phase().code()).isEqualTo("PAUSED");

    rollout.observe(SimulatedRollout.BAD);

    assertThat(rollout.state.phase().code()).isEqualTo("ROLLING_BACK");
  }

  @Test
  void waitsForAnOperatorAfterAStageWhoseRuleAsksForOne() {
    RolloutPlan plan =
        plan(
            List.of(
                new StageRule(new StageRule.Selection.Count(3), 0, true), StageRule.percent(100)),
            RolloutPlan.Limits.NONE);
    SimulatedRollout rollout = new SimulatedRollout(DEVICES, plan);
    rollout.apply(new RolloutEvent.Start());
    succeedStage(rollout);
    assertThat(rollout.state.phase())
        .isInstanceOfSatisfying(
            RolloutPhase.Paused.class,
            paused -> assertThat(paused.why()).isEqualTo(PauseReason.SUCCESS_PAUSE));

    rollout.apply(new RolloutEvent.Resume());

    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(1));
  }

  @Test
  void givesNoOrdersOutsideTheMaintenanceWindows() {
    SimulatedRollout rollout = waitingForTheNight();
    assertThat(rollout.state.phase().explanation()).contains("2026-01-05T22:00:00Z");
    assertThat(rollout.count(DeploymentState.OFFERED)).isZero();

    rollout.now = Instant.parse("2026-01-06T01:59:59Z");
    rollout.observe(Evidence.NONE);
    rollout.observe(Evidence.NONE);

    assertThat(rollout.count(DeploymentState.OFFERED)).isPositive();
  }

  @Test
  void keepsPausedWhatAnOperatorPausesWhileItWaitsForAWindow() {
    SimulatedRollout rollout = waitingForTheNight();

    assertThat(RolloutAct.allowedIn(rollout.plan, rollout.state)).contains(RolloutAct.PAUSE);
    assertThat(rollout.apply(new RolloutEvent.Pause("not tonight")).refusal()).isEmpty();
    rollout.now = Instant.parse("2026-01-05T23:00:00Z");
    rollout.observe(Evidence.NONE);

    assertThat(rollout.state.phase().explanation()).isEqualTo("not tonight");
    assertThat(rollout.count(DeploymentState.OFFERED)).isZero();
  }

  @Test
  void paceGrowsWithSuccess() {
    Pace pace = new Pace(6, 2, 2, Pace.Growth.SUCCEEDED, 100);

    assertThat(pace.rate(10, 0)).isEqualTo(6);
    assertThat(pace.rate(10, 3)).isEqualTo(12);
    assertThat(pace.rate(10, 4)).isEqualTo(24);
    assertThat(pace.rate(10, 1000)).isEqualTo(100);
  }

  @Test
  void givesOrdersNoFasterThanThePace() {
    Pace pace = new Pace(60, 1, 1, Pace.Growth.NOTIFIED, 60);
    SimulatedRollout rollout = started(limits(0, pace, 1000, List.of()));
    for (int second = 0; second < 5; second++) {
      rollout.observe(Evidence.NONE);
      rollout.pass(Duration.ofSeconds(1));
    }

    assertThat(rollout.count(DeploymentState.OFFERED)).isLessThanOrEqualTo(10 + 5);
  }

  @Test
  void paysForOrdersThatWereGivenOnly() {
    Pace pace = new Pace(60, 1, 1, Pace.Growth.NOTIFIED, 60);
    RolloutState looked =
        RolloutMachine.step(
                plan(List.of(StageRule.percent(100)), limits(0, pace, 1000, List.of())),
                new RolloutState(
                    new RolloutPhase.Running(0),
                    List.of(StageProgress.opened(SimulatedRollout.START)),
                    SimulatedRollout.START,
                    2.5,
                    List.of(),
                    Optional.empty(),
                    Optional.empty()),
                new RolloutEvent.Ordered(8, 3),
                SimulatedRollout.START.plusSeconds(1))
            .state();

    assertThat(looked.permits()).isEqualTo(7.5);
    assertThat(looked.paidAt()).isEqualTo(SimulatedRollout.START);
  }

  @Test
  void ordersOthersAtOnceInPlaceOfDevicesThatWereNotOrdered() {
    Pace pace = new Pace(60, 1, 1, Pace.Growth.NOTIFIED, 60);
    SimulatedRollout rollout = started(limits(0, pace, 1000, List.of()));
    rollout.apply(new RolloutEvent.Promote("tested"));
    rollout.apply(new RolloutEvent.Promote("tested"));
    rollout.members.subList(0, 6).forEach(member -> member.eligible = false);

    rollout.observe(Evidence.NONE);
    rollout.observe(Evidence.NONE);

    assertThat(rollout.count(DeploymentState.NOT_ELIGIBLE)).isEqualTo(6);
    assertThat(rollout.count(DeploymentState.OFFERED)).as("ten seconds' worth").isEqualTo(10);
  }

  @Test
  void decidesNothingByGivingOrdersAndLookingAtGates() {
    Pace pace = new Pace(60, 1, 1, Pace.Growth.NOTIFIED, 60);
    SimulatedRollout rollout = started(limits(0, pace, 1000, List.of()));
    RolloutState seen = rollout.state;

    rollout.observe(Evidence.NONE);

    assertThat(rollout.state).isNotEqualTo(seen);
    assertThat(rollout.state.isDecidedLike(seen)).isTrue();
    rollout.apply(new RolloutEvent.Promote("enough"));
    assertThat(rollout.state.isDecidedLike(seen)).as("another stage").isFalse();
    RolloutState running = rollout.state;
    rollout.apply(new RolloutEvent.Pause("lunch"));
    assertThat(rollout.state.isDecidedLike(running)).as("another phase").isFalse();
  }

  @Test
  void needsFourEyes() {
    RolloutPlan plan =
        new RolloutPlan(
            new RolloutKind.Replace(),
            List.of(StageRule.percent(100)),
            RolloutPlan.Limits.NONE,
            false,
            SOAK,
            RolloutPlan.Deadlines.forSoak(SOAK),
            new RolloutPlan.Approval(true, "ana"),
            GateSettings.DEFAULTS);
    SimulatedRollout rollout = new SimulatedRollout(DEVICES, plan);
    rollout.state = RolloutState.draft(plan);
    rollout.apply(new RolloutEvent.Submit());

    assertThat(rollout.apply(new RolloutEvent.Start()).refusal()).isPresent();
    assertThat(rollout.apply(new RolloutEvent.Approve("ana")).refusal())
        .hasValueSatisfying(text -> assertThat(text).contains("somebody else"));
    assertThat(rollout.apply(new RolloutEvent.Approve("ben")).refusal()).isEmpty();
    assertThat(rollout.state.phase()).isEqualTo(new RolloutPhase.Running(0));
  }

  @Test
  void refusesWhatAPhaseDoesNotAllow() {
    SimulatedRollout rollout = started();
    rollout.apply(new RolloutEvent.RollBack("harm"));
    rollout.members.forEach(member -> member.state = DeploymentState.RESTORED);
    rollout.observe(Evidence.NONE);

    assertThat(rollout.apply(new RolloutEvent.Start()).refusal()).isPresent();
    assertThat(rollout.apply(new RolloutEvent.Pause("x")).refusal()).isPresent();
    assertThat(rollout.apply(new RolloutEvent.RollBack("x")).refusal())
        .hasValue("a rollout that is ROLLED_BACK cannot be rolled back");
  }

  @Test
  void allowsExactlyTheActsThatItDoesNotRefuse() {
    for (long seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      SimulatedRollout rollout = started();
      for (int step = 0; step < 40; step++) {
        for (RolloutAct act : RolloutAct.values()) {
          boolean possible =
              RolloutMachine.step(rollout.plan, rollout.state, event(act), rollout.now)
                  .refusal()
                  .isEmpty();
          assertThat(RolloutAct.allowedIn(rollout.plan, rollout.state).contains(act))
              .as("%s while %s", act, rollout.state.phase())
              .isEqualTo(possible);
        }
        disturb(rollout, random);
      }
    }
  }

  @Test
  void keepsItsPromisesInRandomOrdersOfEvents() {
    int inFlight = 9;
    for (long seed = 0; seed < 120; seed++) {
      Random random = new Random(seed);
      boolean limited = seed % 2 == 0;
      SimulatedRollout rollout =
          limited ? started(limits(5, Pace.UNLIMITED, inFlight, List.of())) : started();
      for (int step = 0; step < 300; step++) {
        RolloutState before = rollout.state;
        long underWay = rollout.inFlightOnline();
        disturb(rollout, random);
        if (before.phase().isTerminal()
            && !(rollout.state.phase() instanceof RolloutPhase.RollingBack)) {
          assertThat(rollout.state.phase())
              .as("seed %d: only a person goes back from the end", seed)
              .isEqualTo(before.phase());
        }
        for (SimulatedRollout.Member member : rollout.members) {
          if (member.stage >= rollout.stagesOpened) {
            assertThat(member.state)
                .as("seed %d: untouched outside the open stages", seed)
                .isEqualTo(DeploymentState.PENDING);
          }
        }
        if (limited) {
          // Devices that come back with an order go on by themselves; orders add to them.
          assertThat(rollout.inFlightOnline())
              .as("seed %d: in flight", seed)
              .isLessThanOrEqualTo(Math.max(inFlight, underWay + 5));
        }
        assertThat(rollout.stagesOpened).isLessThanOrEqualTo(openStages(rollout.state));
      }
      if (rollout.state.phase().isTerminal()
          && !(rollout.state.phase() instanceof RolloutPhase.Succeeded)) {
        rollout.members.stream()
            .filter(member -> member.exists)
            .filter(member -> !member.state.isTerminal())
            .forEach(
                member ->
                    assertThat(
                            member.state.isInFlight() || member.state == DeploymentState.DEFERRED)
                        .as("%s", member.state)
                        .isTrue());
      }
    }
  }

  @Test
  void endsEveryDeviceInATerminalStateOrDeferred() {
    for (long seed = 0; seed < 120; seed++) {
      Random random = new Random(seed);
      SimulatedRollout rollout = started();
      for (int step = 0; step < 2000 && !rollout.state.phase().isTerminal(); step++) {
        disturb(rollout, random);
      }
      if (!rollout.state.phase().isTerminal()) {
        rollout.apply(new RolloutEvent.Supersede(new RolloutId("newer")));
      }
      // After a success those who are late go on: whoever hangs is expired.
      for (int look = 0; look < 100; look++) {
        rollout.pass(Duration.ofHours(1));
        rollout.observe(Evidence.NONE);
      }
      for (SimulatedRollout.Member member : rollout.members) {
        if (member.exists) {
          assertThat(member.state.isTerminal() || member.state == DeploymentState.DEFERRED)
              .as("seed %d: %s after %s", seed, member.state, rollout.state.phase())
              .isTrue();
        }
      }
    }
  }

  @Test
  void decidesTheSameFromItsStoredEvents() {
    for (long seed = 0; seed < 80; seed++) {
      Random random = new Random(seed);
      RolloutPlan.Limits limits =
          limits(
              5,
              new Pace(90, 1.3, 4, Pace.Growth.NOTIFIED, 700),
              20,
              seed % 2 == 0 ? List.of() : List.of(NIGHT));
      SimulatedRollout rollout =
          seed % 4 < 2
              ? started(limits)
              : new SimulatedRollout(
                  DEVICES,
                  trial(
                      new RolloutKind.Split(.5, true),
                      seed % 8 < 6 ? List.of(StageRule.percent(100)) : TENTHS,
                      limits));
      // Some minutes before the windows open or close.
      rollout.now = Instant.parse(seed % 8 < 4 ? "2026-01-05T21:58:00Z" : "2026-01-06T01:58:00Z");
      if (seed % 4 >= 2) {
        rollout.apply(new RolloutEvent.Start());
      }
      for (int step = 0; step < 300; step++) {
        disturb(rollout, random);
      }

      RolloutState replayed = RolloutState.ready(rollout.plan);
      for (SimulatedRollout.Stored stored : rollout.events) {
        replayed = RolloutMachine.step(rollout.plan, replayed, stored.event(), stored.at()).state();
      }

      assertThat(replayed).as("seed %d", seed).isEqualTo(rollout.state);
      assertThat(Double.doubleToRawLongBits(replayed.permits()))
          .isEqualTo(Double.doubleToRawLongBits(rollout.state.permits()));
    }
  }

  private static int openStages(RolloutState state) {
    return (int)
        state.stages().stream().filter(stage -> stage.state() != StageState.PENDING).count();
  }

  private static RolloutEvent event(RolloutAct act) {
    return switch (act) {
      case SUBMIT -> new RolloutEvent.Submit();
      case APPROVE -> new RolloutEvent.Approve("ben");
      case START -> new RolloutEvent.Start();
      case PAUSE -> new RolloutEvent.Pause("random");
      case RESUME -> new RolloutEvent.Resume();
      case PROMOTE -> new RolloutEvent.Promote("random");
      case ABORT -> new RolloutEvent.Abort("random");
      case ROLLBACK -> new RolloutEvent.RollBack("random");
      case RETRY -> new RolloutEvent.Retry("random");
    };
  }

  private static void disturb(SimulatedRollout rollout, Random random) {
    rollout.pass(Duration.ofMillis(random.nextInt(2000)));
    // Before it is counted, as that is done in the transaction that orders.
    for (int i = 0; i < 5; i++) {
      rollout.progressRandomly(random);
    }
    RolloutEvent event =
        switch (random.nextInt(200)) {
          case 0 -> new RolloutEvent.Abort("random");
          case 1 -> new RolloutEvent.RollBack("random");
          case 2 -> new RolloutEvent.Pause("random");
          case 3, 4 -> new RolloutEvent.Promote("random");
          case 5 -> new RolloutEvent.Supersede(new RolloutId("newer"));
          case 6, 7, 8, 9 -> new RolloutEvent.Resume();
          case 10 -> observed(rollout, SimulatedRollout.BAD);
          case 11, 12 -> observed(rollout, Evidence.NONE);
          case 13, 14 -> new RolloutEvent.Retry("random");
          default -> observed(rollout, SimulatedRollout.GOOD);
        };
    rollout.apply(event);
  }

  private static RolloutEvent observed(SimulatedRollout rollout, Evidence evidence) {
    return new RolloutEvent.Observed(rollout.census(), evidence, rollout.heardSince);
  }

  @Test
  void aRetryOutOfAPauseBeginsTheEvidenceAnew() {
    SimulatedRollout rollout = waitingForTheNight();

    assertThat(rollout.apply(new RolloutEvent.Retry("again")).effects())
        .containsExactly(new RolloutEffect.OpenStage(0), new RolloutEffect.RetryFailed());
    assertThat(rollout.apply(new RolloutEvent.Retry("again")).effects())
        .as("that runs")
        .containsExactly(new RolloutEffect.RetryFailed());
  }

  /** Going on begins the evidence anew: what the stages before show by then would be forgotten. */
  @Test
  void pausesByHarmThatIsThereWhenTheWindowOpens() {
    List<GateSpec> pausing =
        GateSettings.DEFAULTS.metrics().stream()
            .map(
                gate ->
                    new GateSpec(
                        gate.metric(),
                        gate.tolerance(),
                        gate.limit(),
                        gate.promote(),
                        GateAction.PAUSE,
                        gate.trialsMin()))
            .toList();
    SimulatedRollout rollout =
        new SimulatedRollout(
            DEVICES,
            plan(
                List.of(StageRule.percent(10), StageRule.percent(100)),
                limits(0, Pace.UNLIMITED, 1000, List.of(NIGHT)),
                new GateSettings(GateSettings.DEFAULTS.failures(), pausing)));
    rollout.now = Instant.parse("2026-01-05T12:00:00Z");
    rollout.apply(new RolloutEvent.Start());
    rollout.observe(Evidence.NONE);
    rollout.observe(SimulatedRollout.BAD);
    assertThat(rollout.state.phase())
        .isInstanceOfSatisfying(
            RolloutPhase.Paused.class,
            paused -> assertThat(paused.why()).isEqualTo(PauseReason.WINDOW));

    rollout.now = Instant.parse("2026-01-05T22:01:00Z");
    rollout.observe(SimulatedRollout.BAD);

    assertThat(rollout.state.phase())
        .isInstanceOfSatisfying(
            RolloutPhase.Paused.class,
            paused -> assertThat(paused.why()).isEqualTo(PauseReason.GATE_FAILED));
  }

  private static SimulatedRollout waitingForTheNight() {
    SimulatedRollout rollout = started(limits(0, Pace.UNLIMITED, 1000, List.of(NIGHT)));
    rollout.now = Instant.parse("2026-01-05T12:00:00Z");
    rollout.observe(Evidence.NONE);
    return rollout;
  }

  private static void remove(SimulatedRollout rollout, int stage) {
    rollout.members.stream()
        .filter(member -> member.stage == stage)
        .forEach(member -> member.state = DeploymentState.REMOVED);
  }

  private static void succeedStage(SimulatedRollout rollout) {
    rollout.observe(SimulatedRollout.GOOD);
    rollout.commitOffered();
    rollout.observe(SimulatedRollout.GOOD);
    rollout.pass(SOAK);
    rollout.observe(SimulatedRollout.GOOD);
  }

  private static RolloutPlan.Limits limits(
      int holdback, Pace pace, int inFlight, List<MaintenanceWindow> windows) {
    return new RolloutPlan.Limits(holdback, pace, inFlight, 500, windows);
  }

  private static RolloutPlan plan(List<StageRule> stages, RolloutPlan.Limits limits) {
    return plan(stages, limits, GateSettings.DEFAULTS);
  }

  private static RolloutPlan plan(
      List<StageRule> stages, RolloutPlan.Limits limits, GateSettings gates) {
    return new RolloutPlan(
        new RolloutKind.Replace(),
        stages,
        limits,
        false,
        SOAK,
        RolloutPlan.Deadlines.forSoak(SOAK),
        RolloutPlan.Approval.NONE,
        gates);
  }

  private static SimulatedRollout started() {
    return started(RolloutPlan.Limits.NONE);
  }

  private static SimulatedRollout started(RolloutPlan.Limits limits) {
    SimulatedRollout rollout = ready(limits);
    rollout.apply(new RolloutEvent.Start());
    return rollout;
  }

  private static SimulatedRollout ready(RolloutPlan.Limits limits) {
    return new SimulatedRollout(
        DEVICES,
        plan(
            List.of(StageRule.percent(10), StageRule.percent(40), StageRule.percent(100)), limits));
  }
}
