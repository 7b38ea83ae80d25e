package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class UpdateMachineTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final UpdatePolicy POLICY = policy();
  private static final DesiredSlot V1 = order(1, 1);
  private static final DesiredSlot V2 = order(2, 2);
  private static final DesiredSlot V3 = order(3, 3);

  private final UpdateMachine machine = new UpdateMachine(POLICY);

  static UpdatePolicy policy() {
    return new UpdatePolicy(
        3,
        Duration.ofSeconds(1),
        Duration.ofSeconds(60),
        Duration.ofMinutes(10),
        3,
        2,
        Duration.ofHours(1),
        UpdatePolicy.Timers.DEFAULTS,
        Duration.ofMinutes(10),
        7);
  }

  private static Situation at(Instant now) {
    return new Situation(now, true, true);
  }

  private static final Situation HERE = at(NOW);
  private static final Situation OFFLINE = new Situation(NOW, false, true);
  private static final Situation STALE_METADATA = new Situation(NOW, true, false);

  static DesiredSlot order(long revision, long version) {
    return new DesiredSlot(
        new SlotId("main"),
        revision,
        new ModelVersion(new ModelName("engine-health"), version),
        Digest.of(new byte[] {(byte) version}),
        Digest.of(new byte[] {(byte) version, 1}),
        URI.create("http://127.0.0.1:1/artifacts"),
        Optional.empty(),
        new SamplingRates(0.1, 1),
        Duration.ofSeconds(5),
        3,
        Duration.ofSeconds(30));
  }

  /** Runs v1 proven, v2 ordered and in the given step. */
  private static SlotState upgrading(Step step) {
    Optional<DesiredSlot> running =
        step instanceof Step.Probation || step instanceof Step.RollingBack
            ? Optional.of(V2)
            : Optional.of(V1);
    return new SlotState(
        new Generation(1, 2),
        Optional.of(V2),
        step,
        NOW,
        running,
        Optional.of(V1),
        Optional.empty(),
        Optional.empty(),
        10,
        new SlotState.Counts(1, 0, 0, Duration.ZERO));
  }

  private static UpdateEvent ordered(long counter, DesiredSlot order) {
    return new UpdateEvent.Ordered(new Generation(1, counter), order);
  }

  private static UpdateEvent broken(ErrorCode code) {
    return new UpdateEvent.Broken(10, code, "why", Optional.empty());
  }

  private static SlotReport.Failure failure(ErrorCode code) {
    return new SlotReport.Failure(code, "why");
  }

  private static Step probation(Instant until) {
    return new Step.Probation(until, NOW.plus(POLICY.reachGrace()), true, false);
  }

  private static final Step WAITING_FOR_METADATA =
      new Step.Waiting(failure(ErrorCode.SNAPSHOT_EXPIRED));
  private static final Step REPAIRING =
      new Step.Repairing(new Step.Failed(failure(ErrorCode.INTERNAL)), 1, Optional.empty());
  private static final Step DOWNLOADING = new Step.Downloading(1, Optional.empty());
  private static final Step LAST_DOWNLOAD = new Step.Downloading(3, Optional.empty());
  private static final Step WAITING = new Step.Downloading(2, Optional.of(NOW));
  private static final Step VERIFYING = new Step.Verifying(1);
  private static final Step STAGED = new Step.Staged();
  private static final Step COMPILING = new Step.Compiling(true);
  private static final Step ACTIVATING = new Step.Activating(true);
  private static final Step PROBATION = probation(NOW.plusSeconds(30));
  private static final Step ROLLING_BACK =
      new Step.RollingBack(failure(ErrorCode.PROBATION_FAILED), 1);
  private static final Step COMMITTED = new Step.Committed();
  private static final Step REJECTED = new Step.Rejected(failure(ErrorCode.GOLDEN_MISMATCH));

  private static final UpdateEvent DONE = new UpdateEvent.Done(10);
  private static final UpdateEvent RESTORED = new UpdateEvent.Restored(10, Optional.of(V1));
  private static final UpdateEvent STALE = new UpdateEvent.Done(9);
  private static final UpdateEvent TICK = new UpdateEvent.Ticked();

  static Stream<Arguments> table() {
    return Stream.of(
        // step, event, phase after, effects
        row(DOWNLOADING, DONE, SlotPhase.VERIFYING, "Verify"),
        row(DOWNLOADING, STALE, SlotPhase.DOWNLOADING),
        row(DOWNLOADING, TICK, SlotPhase.DOWNLOADING),
        row(WAITING, TICK, SlotPhase.DOWNLOADING, "Download"),
        row(DOWNLOADING, broken(ErrorCode.DOWNLOAD_FAILED), SlotPhase.DOWNLOADING),
        row(LAST_DOWNLOAD, broken(ErrorCode.DOWNLOAD_FAILED), SlotPhase.FAILED, "Announce"),
        row(DOWNLOADING, broken(ErrorCode.ARTIFACT_NOT_FOUND), SlotPhase.FAILED, "Announce"),
        row(
            DOWNLOADING,
            broken(ErrorCode.ARTIFACT_SIGNATURE_INVALID),
            SlotPhase.REJECTED,
            "Announce"),
        row(DOWNLOADING, broken(ErrorCode.PROFILE_UNSUPPORTED), SlotPhase.REJECTED, "Announce"),
        row(DOWNLOADING, broken(ErrorCode.STORAGE_FULL), SlotPhase.FAILED, "Announce"),
        row(VERIFYING, DONE, SlotPhase.STAGED),
        row(VERIFYING, broken(ErrorCode.ARTIFACT_DIGEST_MISMATCH), SlotPhase.DOWNLOADING),
        row(
            new Step.Verifying(3),
            broken(ErrorCode.ARTIFACT_DIGEST_MISMATCH),
            SlotPhase.REJECTED,
            "Announce"),
        row(STAGED, TICK, SlotPhase.COMPILING, "Compile"),
        row(STAGED, DONE, SlotPhase.STAGED),
        row(COMPILING, DONE, SlotPhase.ACTIVATING, "Activate"),
        row(COMPILING, broken(ErrorCode.GOLDEN_MISMATCH), SlotPhase.REJECTED, "Announce"),
        row(COMPILING, broken(ErrorCode.MODEL_LOAD_FAILED), SlotPhase.REJECTED, "Announce"),
        row(COMPILING, broken(ErrorCode.INTERNAL), SlotPhase.FAILED, "Announce"),
        row(ACTIVATING, DONE, SlotPhase.PROBATION),
        row(ACTIVATING, broken(ErrorCode.INTERNAL), SlotPhase.FAILED, "Announce"),
        row(PROBATION, TICK, SlotPhase.PROBATION),
        row(PROBATION, DONE, SlotPhase.PROBATION),
        row(PROBATION, broken(ErrorCode.INTERNAL), SlotPhase.PROBATION),
        row(PROBATION, new UpdateEvent.Counted(2, 0), SlotPhase.PROBATION),
        row(PROBATION, new UpdateEvent.Counted(3, 0), SlotPhase.COMMITTED, "Sweep", "Announce"),
        row(PROBATION, new UpdateEvent.Counted(9, 1), SlotPhase.PROBATION),
        row(PROBATION, new UpdateEvent.Counted(19, 1), SlotPhase.COMMITTED, "Sweep", "Announce"),
        row(PROBATION, new UpdateEvent.Counted(0, 3), SlotPhase.PROBATION, "Restore"),
        row(PROBATION, new UpdateEvent.Counted(8, 2), SlotPhase.PROBATION, "Restore"),
        row(
            probation(NOW),
            new UpdateEvent.Counted(0, 0),
            SlotPhase.COMMITTED,
            "Sweep",
            "Announce"),
        row(probation(NOW), new UpdateEvent.Counted(9, 1), SlotPhase.PROBATION, "Restore"),
        row(ROLLING_BACK, DONE, SlotPhase.PROBATION),
        row(ROLLING_BACK, RESTORED, SlotPhase.ROLLED_BACK, "Announce"),
        row(ROLLING_BACK, new UpdateEvent.Restored(9, Optional.of(V1)), SlotPhase.PROBATION),
        row(REPAIRING, RESTORED, SlotPhase.FAILED),
        row(REPAIRING, broken(ErrorCode.DOWNLOAD_FAILED), SlotPhase.FAILED),
        row(REPAIRING, TICK, SlotPhase.FAILED),
        row(WAITING_FOR_METADATA, TICK, SlotPhase.DOWNLOADING, "Download"),
        row(COMPILING, broken(ErrorCode.ARTIFACT_DIGEST_MISMATCH), SlotPhase.DOWNLOADING),
        row(COMPILING, broken(ErrorCode.ACCEPTANCE_LATENCY), SlotPhase.REJECTED, "Announce"),
        row(COMPILING, broken(ErrorCode.ACCEPTANCE_MEMORY), SlotPhase.REJECTED, "Announce"),
        row(DOWNLOADING, broken(ErrorCode.DOWNLOAD_BUDGET_SPENT), SlotPhase.FAILED, "Announce"),
        row(DOWNLOADING, broken(ErrorCode.RELEASE_COUNTER_TOO_LOW), SlotPhase.REJECTED, "Announce"),
        row(ROLLING_BACK, broken(ErrorCode.STORAGE_FAILED), SlotPhase.PROBATION, "Restore"),
        row(
            new Step.RollingBack(failure(ErrorCode.PROBATION_FAILED), 2),
            broken(ErrorCode.STORAGE_FAILED),
            SlotPhase.FAILED,
            "Announce"),
        row(COMMITTED, DONE, SlotPhase.COMMITTED),
        row(COMMITTED, new UpdateEvent.Counted(9, 9), SlotPhase.COMMITTED),
        row(REJECTED, TICK, SlotPhase.REJECTED),
        // A newer order begins at once, wherever that is possible.
        row(DOWNLOADING, ordered(3, V3), SlotPhase.DOWNLOADING, "Cancel", "Download"),
        row(VERIFYING, ordered(3, V3), SlotPhase.DOWNLOADING, "Cancel", "Download"),
        row(STAGED, ordered(3, V3), SlotPhase.DOWNLOADING, "Download"),
        row(COMPILING, ordered(3, V3), SlotPhase.DOWNLOADING, "Cancel", "Download"),
        row(ACTIVATING, ordered(3, V3), SlotPhase.ACTIVATING),
        // What proved nothing does not go on unwatched.
        row(PROBATION, ordered(3, V3), SlotPhase.PROBATION, "Restore"),
        row(REPAIRING, ordered(3, V3), SlotPhase.DOWNLOADING, "Cancel", "Download"),
        row(WAITING_FOR_METADATA, ordered(3, V3), SlotPhase.DOWNLOADING, "Download"),
        row(ROLLING_BACK, ordered(3, V3), SlotPhase.PROBATION),
        row(REJECTED, ordered(3, V3), SlotPhase.DOWNLOADING, "Download"),
        // Back to what runs and is proven: nothing to fetch.
        row(
            DOWNLOADING,
            ordered(3, order(3, 1)),
            SlotPhase.COMMITTED,
            "Cancel",
            "Reconfigure",
            "Announce"),
        row(REJECTED, ordered(3, order(3, 1)), SlotPhase.COMMITTED, "Reconfigure", "Announce"),
        // The same or an older generation changes nothing.
        row(DOWNLOADING, ordered(2, V3), SlotPhase.DOWNLOADING),
        row(COMMITTED, ordered(1, V1), SlotPhase.COMMITTED),
        row(DOWNLOADING, ordered(3, V2), SlotPhase.DOWNLOADING));
  }

  private static Arguments row(Step step, UpdateEvent event, SlotPhase phase, String... effects) {
    return Arguments.of(step, event, phase, List.of(effects));
  }

  @ParameterizedTest
  @MethodSource("table")
  void goesFromStepToStep(Step step, UpdateEvent event, SlotPhase phase, List<String> effects) {
    UpdateMachine.Transition transition = machine.on(upgrading(step), event, HERE);

    assertThat(transition.state().step().phase()).isEqualTo(phase);
    assertThat(transition.effects().stream().map(effect -> effect.getClass().getSimpleName()))
        .containsExactlyElementsOf(effects);
  }

  @Test
  void anOrderThatCameDuringTheSwitchBeginsAfterTheProvenVersionIsBack() {
    SlotState waiting = machine.on(upgrading(ACTIVATING), ordered(3, V3), HERE).state();

    UpdateMachine.Transition switched = machine.on(waiting, DONE, HERE);
    UpdateMachine.Transition begun =
        machine.on(
            switched.state(),
            new UpdateEvent.Restored(switched.state().job(), Optional.of(V1)),
            HERE);

    assertThat(switched.state().running()).contains(V2);
    assertThat(switched.effects())
        .containsExactly(new UpdateEffect.Restore(switched.state().job(), List.of(V1)));
    assertThat(begun.state().order()).contains(V3);
    assertThat(begun.state().running()).contains(V1);
    assertThat(begun.effects())
        .containsExactly(
            new UpdateEffect.Announce(V2, switched.state().step().problem()),
            new UpdateEffect.Download(begun.state().job(), V3, 0));
    assertThat(switched.state().step().problem().orElseThrow().code())
        .isEqualTo(ErrorCode.SUPERSEDED);
  }

  private static SlotState first(Step step) {
    return new SlotState(
        new Generation(1, 1),
        Optional.of(V1),
        step,
        NOW,
        Optional.of(V1),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        10,
        new SlotState.Counts(1, 0, 0, Duration.ZERO));
  }

  @Test
  void aFirstVersionThatFailsItsProbationLeavesNothingRunning() {
    UpdateMachine.Transition failing =
        machine.on(first(PROBATION), new UpdateEvent.Counted(0, 3), HERE);
    UpdateMachine.Transition rolledBack =
        machine.on(failing.state(), new UpdateEvent.Restored(11, Optional.empty()), HERE);

    assertThat(failing.effects()).containsExactly(new UpdateEffect.Restore(11, List.of()));
    assertThat(rolledBack.state().step().phase()).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(rolledBack.state().running()).isEmpty();
  }

  @Test
  void aVersionThatCutsTheDeviceOffIsRolledBackAfterTheGrace() {
    Instant graceOver = NOW.plus(POLICY.reachGrace());
    UpdateEvent good = new UpdateEvent.Counted(50, 0);

    UpdateMachine.Transition waiting = machine.on(upgrading(PROBATION), good, OFFLINE);
    UpdateMachine.Transition back =
        machine.on(waiting.state(), good, new Situation(graceOver, false, true));

    assertThat(waiting.state().step().phase()).isEqualTo(SlotPhase.PROBATION);
    assertThat(waiting.effects()).isEmpty();
    assertThat(back.effects()).containsExactly(new UpdateEffect.Restore(11, List.of(V1)));
    assertThat(back.state().step().problem().orElseThrow().detail())
        .contains("control plane was not reached");
  }

  @Test
  void aDeviceThatWasOfflineBeforeCommitsAfterTheGrace() {
    Instant graceOver = NOW.plus(POLICY.reachGrace());
    SlotState offline = upgrading(new Step.Probation(NOW, graceOver, false, false));
    UpdateEvent good = new UpdateEvent.Counted(50, 0);

    assertThat(machine.on(offline, good, OFFLINE).state().step().phase())
        .isEqualTo(SlotPhase.PROBATION);
    assertThat(
            machine.on(offline, good, new Situation(graceOver, false, true)).state().step().phase())
        .isEqualTo(SlotPhase.COMMITTED);
  }

  @Test
  void theOnlyVersionIsNeverGivenUpForALostLink() {
    UpdateMachine.Transition transition =
        machine.on(
            first(PROBATION),
            new UpdateEvent.Counted(3, 0),
            new Situation(NOW.plus(POLICY.reachGrace()), false, true));

    assertThat(transition.state().step().phase()).isEqualTo(SlotPhase.COMMITTED);
  }

  @Test
  void aNewOrderWaitsForFreshMetadataAndAKnownVersionDoesNot() {
    UpdateMachine.Transition waiting =
        machine.on(upgrading(COMMITTED).withProven(V2), ordered(3, V3), STALE_METADATA);
    UpdateMachine.Transition back =
        machine.on(upgrading(COMMITTED).withProven(V2), ordered(3, order(3, 1)), STALE_METADATA);

    assertThat(waiting.state().step().phase()).isEqualTo(SlotPhase.IDLE);
    assertThat(waiting.state().step().problem().orElseThrow().code())
        .isEqualTo(ErrorCode.SNAPSHOT_EXPIRED);
    assertThat(waiting.effects()).isEmpty();
    assertThat(machine.on(waiting.state(), TICK, STALE_METADATA).state())
        .isEqualTo(waiting.state());
    assertThat(machine.on(waiting.state(), TICK, HERE).effects())
        .containsExactly(new UpdateEffect.Download(12, V3, 0));
    assertThat(back.state().step().phase()).isEqualTo(SlotPhase.DOWNLOADING);
  }

  static Stream<Arguments> hangs() {
    UpdatePolicy.Timers timers = POLICY.timers();
    return Stream.of(
        Arguments.of(DOWNLOADING, timers.download(), SlotPhase.DOWNLOADING, List.of("Cancel")),
        Arguments.of(VERIFYING, timers.verify(), SlotPhase.DOWNLOADING, List.of("Cancel")),
        Arguments.of(COMPILING, timers.compile(), SlotPhase.FAILED, List.of("Cancel", "Announce")),
        Arguments.of(
            ACTIVATING, timers.activate(), SlotPhase.PROBATION, List.of("Cancel", "Restore")),
        Arguments.of(
            ROLLING_BACK, timers.compile(), SlotPhase.PROBATION, List.of("Cancel", "Restore")),
        Arguments.of(WAITING, timers.inProgress(), SlotPhase.FAILED, List.of("Cancel", "Announce")),
        Arguments.of(STAGED, timers.inProgress(), SlotPhase.FAILED, List.of("Cancel", "Announce")));
  }

  @ParameterizedTest
  @MethodSource("hangs")
  void endsAStepThatHangs(Step step, Duration timer, SlotPhase phase, List<String> effects) {
    UpdateMachine.Transition early = machine.on(upgrading(step), TICK, at(NOW.plus(timer)));
    UpdateMachine.Transition late =
        machine.on(upgrading(step), TICK, at(NOW.plus(timer).plusMillis(1)));

    assertThat(early.effects().stream().filter(effect -> effect instanceof UpdateEffect.Cancel))
        .isEmpty();
    assertThat(late.state().step().phase()).isEqualTo(phase);
    assertThat(late.effects().stream().map(effect -> effect.getClass().getSimpleName()))
        .containsExactlyElementsOf(effects);
    assertThat(late.state().job()).isGreaterThan(10);
  }

  @Test
  void waitsAsLongAsAServerAsksButNotForEver() {
    UpdateMachine.Transition asked =
        machine.on(
            upgrading(DOWNLOADING),
            new UpdateEvent.Broken(
                10, ErrorCode.DOWNLOAD_FAILED, "busy", Optional.of(Duration.ofMinutes(3))),
            HERE);
    UpdateMachine.Transition forEver =
        machine.on(
            upgrading(DOWNLOADING),
            new UpdateEvent.Broken(
                10, ErrorCode.DOWNLOAD_FAILED, "busy", Optional.of(Duration.ofDays(300))),
            HERE);

    assertThat(asked.state().step())
        .isEqualTo(new Step.Downloading(2, Optional.of(NOW.plus(Duration.ofMinutes(3)))));
    assertThat(forEver.state().step())
        .isEqualTo(new Step.Downloading(2, Optional.of(NOW.plus(POLICY.retryAfterMax()))));
  }

  @Test
  void anAttemptThatBroughtSomethingDoesNotCountAgainstTheOrder() {
    SlotState brought =
        machine.on(upgrading(LAST_DOWNLOAD), new UpdateEvent.Received(10, 500, 100), HERE).state();
    SlotState nothing =
        machine.on(upgrading(LAST_DOWNLOAD), new UpdateEvent.Received(10, 500, 0), HERE).state();

    assertThat(brought.counts().received()).isEqualTo(500);
    assertThat(machine.on(brought, broken(ErrorCode.DOWNLOAD_FAILED), HERE).state().step().phase())
        .isEqualTo(SlotPhase.DOWNLOADING);
    assertThat(machine.on(nothing, broken(ErrorCode.DOWNLOAD_FAILED), HERE).state().step().phase())
        .isEqualTo(SlotPhase.FAILED);
  }

  @Test
  void whenNothingCanBeRestoredWhatAnswersStaysAndTheProvenVersionIsFetched() {
    SlotState lastAttempt = upgrading(new Step.RollingBack(failure(ErrorCode.PROBATION_FAILED), 2));

    SlotState failed = machine.on(lastAttempt, broken(ErrorCode.ARTIFACT_NOT_FOUND), HERE).state();
    UpdateMachine.Transition repairing = machine.on(failed, TICK, HERE);
    SlotState repaired =
        machine
            .on(
                repairing.state(),
                new UpdateEvent.Restored(repairing.state().job(), Optional.of(V1)),
                HERE)
            .state();

    assertThat(failed.running()).contains(V2);
    assertThat(failed.step().phase()).isEqualTo(SlotPhase.FAILED);
    assertThat(failed.step().problem().orElseThrow().detail()).contains("cannot be restored");
    assertThat(repairing.effects())
        .containsExactly(new UpdateEffect.Repair(repairing.state().job(), V1));
    assertThat(repaired.running()).contains(V1);
    assertThat(repaired.step()).isInstanceOf(Step.Failed.class);
  }

  @Test
  void aProvenVersionThatStopsTheAgentAgainAndAgainGivesWayToTheOneBefore() {
    SlotState state = upgrading(COMMITTED).withProven(V2);
    for (int start = 1; start <= POLICY.startsMax() + 1; start++) {
      state = machine.on(state, new UpdateEvent.Loading(), HERE).state();
    }

    UpdateMachine.Transition transition =
        machine.on(state, new UpdateEvent.Started(Optional.of(V1)), HERE);

    assertThat(POLICY.killers(state.loads())).isEqualTo(1);
    assertThat(POLICY.killers(state.loads() - 1)).isZero();
    assertThat(transition.state().step().phase()).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(transition.state().step().problem().orElseThrow().code())
        .isEqualTo(ErrorCode.CRASH_LOOP);
    assertThat(transition.state().proven()).contains(V1);
  }

  @Test
  void aStopThatWasOrderedIsNoCrash() {
    SlotState stopped = machine.on(upgrading(COMPILING), new UpdateEvent.Stopped(), HERE).state();

    assertThat(stopped.starts()).isZero();
    assertThat(machine.on(upgrading(DOWNLOADING), new UpdateEvent.Stopped(), HERE).state().starts())
        .isEqualTo(1);
  }

  @Test
  void keepsTheVersionBeforeTheProvenOne() {
    SlotState committed =
        machine.on(upgrading(PROBATION), new UpdateEvent.Counted(3, 0), HERE).state();

    assertThat(committed.proven()).contains(V2);
    assertThat(committed.previous()).contains(V1);
  }

  @ParameterizedTest
  @EnumSource(
      value = SlotPhase.class,
      names = {"DOWNLOADING", "VERIFYING", "STAGED", "COMPILING", "ACTIVATING", "PROBATION"})
  void beginsAnUnfinishedOrderAnewAfterARestart(SlotPhase phase) {
    Step step =
        Stream.of(DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION)
            .filter(candidate -> candidate.phase() == phase)
            .findFirst()
            .orElseThrow();

    UpdateMachine.Transition transition =
        machine.on(upgrading(step), new UpdateEvent.Started(Optional.of(V1)), HERE);

    assertThat(transition.state().step()).isEqualTo(DOWNLOADING);
    assertThat(transition.state().running()).contains(V1);
  }

  @Test
  void takesAVersionThatStopsTheAgentAgainAndAgainForTheCause() {
    UpdateMachine.Transition transition =
        machine.on(
            upgrading(COMPILING).withStarts(3), new UpdateEvent.Started(Optional.of(V1)), HERE);

    assertThat(transition.state().step().phase()).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(transition.state().step().problem())
        .contains(
            new SlotReport.Failure(
                ErrorCode.CRASH_LOOP,
                "the agent stopped 3 times before engine-health@2 proved itself, last while"
                    + " COMPILING"));
    assertThat(transition.state().running()).contains(V1);
  }

  @Test
  void fetchesACommittedVersionAgainThatIsLostOnDisk() {
    UpdateMachine.Transition transition =
        machine.on(
            upgrading(COMMITTED).withProven(V2), new UpdateEvent.Started(Optional.of(V1)), HERE);

    assertThat(transition.state().step()).isEqualTo(DOWNLOADING);
  }

  @Test
  void waitsLongerAndNeverLongerThanTheLimit() {
    for (int attempt = 1; attempt < 40; attempt++) {
      assertThat(POLICY.pause(1, attempt))
          .isBetween(Duration.ZERO, Duration.ofSeconds(60))
          .isLessThanOrEqualTo(Duration.ofSeconds(1L << Math.min(attempt - 1, 10)));
    }
  }

  @Test
  void aHigherTermWinsOverAHigherCounter() {
    UpdateMachine.Transition transition =
        machine.on(upgrading(COMMITTED), new UpdateEvent.Ordered(new Generation(2, 1), V3), HERE);

    assertThat(transition.state().order()).contains(V3);
  }
}
