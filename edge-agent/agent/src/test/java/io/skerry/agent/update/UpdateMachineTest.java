package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

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
  private static final UpdatePolicy POLICY =
      new UpdatePolicy(3, Duration.ofSeconds(1), Duration.ofSeconds(60), 3, 2, 7);
  private static final DesiredSlot V1 = order(1, 1);
  private static final DesiredSlot V2 = order(2, 2);
  private static final DesiredSlot V3 = order(3, 3);

  private final UpdateMachine machine = new UpdateMachine(POLICY);

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
        running,
        Optional.of(V1),
        Optional.empty(),
        Optional.empty(),
        1,
        10);
  }

  private static UpdateEvent ordered(long counter, DesiredSlot order) {
    return new UpdateEvent.Ordered(new Generation(1, counter), order);
  }

  private static UpdateEvent broken(ErrorCode code) {
    return new UpdateEvent.Broken(10, code, "why");
  }

  private static SlotReport.Failure failure(ErrorCode code) {
    return new SlotReport.Failure(code, "why");
  }

  private static final Step DOWNLOADING = new Step.Downloading(1, Optional.empty());
  private static final Step LAST_DOWNLOAD = new Step.Downloading(3, Optional.empty());
  private static final Step WAITING = new Step.Downloading(2, Optional.of(NOW));
  private static final Step VERIFYING = new Step.Verifying(1);
  private static final Step STAGED = new Step.Staged();
  private static final Step COMPILING = new Step.Compiling();
  private static final Step ACTIVATING = new Step.Activating();
  private static final Step PROBATION = new Step.Probation(NOW.plusSeconds(30));
  private static final Step ROLLING_BACK =
      new Step.RollingBack(failure(ErrorCode.PROBATION_FAILED), 1);
  private static final Step COMMITTED = new Step.Committed();
  private static final Step REJECTED = new Step.Rejected(failure(ErrorCode.GOLDEN_MISMATCH));

  private static final UpdateEvent DONE = new UpdateEvent.Done(10);
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
        row(PROBATION, new UpdateEvent.Counted(9, 1), SlotPhase.PROBATION, "Restore"),
        row(new Step.Probation(NOW), TICK, SlotPhase.COMMITTED, "Sweep", "Announce"),
        row(ROLLING_BACK, DONE, SlotPhase.ROLLED_BACK, "Announce"),
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
        row(PROBATION, ordered(3, V3), SlotPhase.DOWNLOADING, "Download"),
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
    UpdateMachine.Transition transition = machine.on(upgrading(step), event, NOW);

    assertThat(transition.state().step().phase()).isEqualTo(phase);
    assertThat(transition.effects().stream().map(effect -> effect.getClass().getSimpleName()))
        .containsExactlyElementsOf(effects);
  }

  @Test
  void anOrderThatCameDuringTheSwitchBeginsAfterIt() {
    SlotState waiting = machine.on(upgrading(ACTIVATING), ordered(3, V3), NOW).state();

    UpdateMachine.Transition transition = machine.on(waiting, DONE, NOW);

    assertThat(transition.state().order()).contains(V3);
    assertThat(transition.state().running()).contains(V2);
    assertThat(transition.effects())
        .containsExactly(new UpdateEffect.Download(transition.state().job(), V3));
  }

  @Test
  void aFirstVersionThatFailsItsProbationLeavesNothingRunning() {
    SlotState first =
        new SlotState(
            new Generation(1, 1),
            Optional.of(V1),
            PROBATION,
            Optional.of(V1),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            1,
            10);

    UpdateMachine.Transition failing = machine.on(first, new UpdateEvent.Counted(0, 1), NOW);
    UpdateMachine.Transition rolledBack =
        machine.on(failing.state(), new UpdateEvent.Done(11), NOW);

    assertThat(failing.effects()).containsExactly(new UpdateEffect.Restore(11, Optional.empty()));
    assertThat(rolledBack.state().step().phase()).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(rolledBack.state().running()).isEmpty();
  }

  @Test
  void keepsTheVersionBeforeTheProvenOne() {
    SlotState committed =
        machine.on(upgrading(PROBATION), new UpdateEvent.Counted(3, 0), NOW).state();

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
        machine.on(upgrading(step), new UpdateEvent.Started(Optional.of(V1)), NOW);

    assertThat(transition.state().step()).isEqualTo(DOWNLOADING);
    assertThat(transition.state().running()).contains(V1);
  }

  @Test
  void takesAVersionThatStopsTheAgentAgainAndAgainForTheCause() {
    UpdateMachine.Transition transition =
        machine.on(
            upgrading(COMPILING).withStarts(3), new UpdateEvent.Started(Optional.of(V1)), NOW);

    assertThat(transition.state().step().phase()).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(transition.state().running()).contains(V1);
  }

  @Test
  void fetchesACommittedVersionAgainThatIsLostOnDisk() {
    UpdateMachine.Transition transition =
        machine.on(
            upgrading(COMMITTED).withProven(V2), new UpdateEvent.Started(Optional.of(V1)), NOW);

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
        machine.on(upgrading(COMMITTED), new UpdateEvent.Ordered(new Generation(2, 1), V3), NOW);

    assertThat(transition.state().order()).contains(V3);
  }
}
