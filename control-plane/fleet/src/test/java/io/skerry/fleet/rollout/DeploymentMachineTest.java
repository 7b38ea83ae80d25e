package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeploymentMachineTest {
  private static final Digest OLD = Digest.of("old".getBytes(StandardCharsets.UTF_8));
  private static final Digest NEW = Digest.of("new".getBytes(StandardCharsets.UTF_8));

  @ParameterizedTest
  @CsvSource({
    "OFFERED, IDLE, OFFERED",
    "OFFERED, DOWNLOADING, DOWNLOADING",
    "DOWNLOADING, PROBATION, PROBATION",
    "PROBATION, COMMITTED, COMMITTED",
    "DEFERRED, IDLE, DEFERRED",
    "DEFERRED, ACTIVATING, ACTIVATING",
    "TIMED_OUT, COMMITTED, TIMED_OUT",
    "NOT_REACHED, IDLE, NOT_REACHED",
    "NOT_REACHED, DOWNLOADING, NOT_REACHED",
    "NOT_REACHED, VERIFYING, VERIFYING",
    "NOT_REACHED, COMMITTED, COMMITTED",
    "NOT_REACHED, ROLLED_BACK, ROLLED_BACK",
    "CANCELLED, COMMITTED, CANCELLED",
    "DEFERRED, COMMITTED, COMMITTED",
    "OFFERED, REJECTED, REJECTED",
    "STAGED, FAILED, FAILED",
    "PROBATION, ROLLED_BACK, ROLLED_BACK",
    "COMMITTED, ROLLED_BACK, ROLLED_BACK",
    "COMMITTED, FAILED, FAILED",
    "COMMITTED, REJECTED, REJECTED",
    "COMMITTED, DOWNLOADING, COMMITTED",
    "REJECTED, COMMITTED, REJECTED",
    "PENDING, COMMITTED, PENDING"
  })
  void followsTheDevice(DeploymentState before, SlotPhase phase, DeploymentState after) {
    assertThat(DeploymentMachine.after(before, List.of(part(3, phase, NEW, 3, NEW))))
        .isEqualTo(after);
  }

  @Test
  void isCommittedOnlyWhenTheRunningProcessNamesTheOrderedManifest() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.PROBATION, List.of(part(3, SlotPhase.COMMITTED, OLD, 3, NEW))))
        .isEqualTo(DeploymentState.PROBATION);
  }

  @Test
  void storesButDoesNotObeyReportsOfAnotherRevision() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, List.of(part(3, SlotPhase.COMMITTED, OLD, 4, OLD))))
        .isEqualTo(DeploymentState.RESTORING);
  }

  @Test
  void isRestoredWhenTheOldManifestRunsAgain() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, List.of(part(4, SlotPhase.COMMITTED, OLD, 4, OLD))))
        .isEqualTo(DeploymentState.RESTORED);
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, List.of(part(4, SlotPhase.FAILED, NEW, 4, OLD))))
        .isEqualTo(DeploymentState.RESTORE_FAILED);
  }

  @Test
  void isAsFarAsTheSlowestPartOfAUnitAndFailsWithAnyOfThem() {
    DeploymentMachine.Part done = part(3, SlotPhase.COMMITTED, NEW, 3, NEW);
    DeploymentMachine.Part slow = part(5, SlotPhase.VERIFYING, OLD, 5, NEW);
    DeploymentMachine.Part failed = part(5, SlotPhase.ROLLED_BACK, OLD, 5, NEW);

    assertThat(DeploymentMachine.after(DeploymentState.PROBATION, List.of(done, slow)))
        .isEqualTo(DeploymentState.VERIFYING);
    assertThat(DeploymentMachine.after(DeploymentState.PROBATION, List.of(done, done)))
        .isEqualTo(DeploymentState.COMMITTED);
    assertThat(DeploymentMachine.after(DeploymentState.PROBATION, List.of(done, failed)))
        .isEqualTo(DeploymentState.ROLLED_BACK);
  }

  private static DeploymentMachine.Part part(
      long reported, SlotPhase phase, Digest running, long revision, Digest ordered) {
    return new DeploymentMachine.Part(report(reported, phase, running), revision, ordered);
  }

  private static SlotReport report(long revision, SlotPhase phase, Digest running) {
    return new SlotReport(
        new SlotId("main"),
        revision,
        phase,
        Optional.empty(),
        Optional.of(NEW),
        Optional.of(new SlotReport.Running(ModelVersion.parse("engine-health@2"), running)),
        Optional.empty(),
        0,
        0);
  }
}
