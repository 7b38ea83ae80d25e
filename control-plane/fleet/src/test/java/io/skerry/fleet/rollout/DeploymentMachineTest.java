package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.nio.charset.StandardCharsets;
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
    "OFFERED, DOWNLOADING, IN_PROGRESS",
    "IN_PROGRESS, PROBATION, IN_PROGRESS",
    "IN_PROGRESS, COMMITTED, COMMITTED",
    "DEFERRED, COMMITTED, COMMITTED",
    "OFFERED, REJECTED, REJECTED",
    "IN_PROGRESS, FAILED, FAILED",
    "IN_PROGRESS, ROLLED_BACK, ROLLED_BACK",
    "COMMITTED, ROLLED_BACK, ROLLED_BACK",
    "REJECTED, COMMITTED, REJECTED",
    "PENDING, COMMITTED, PENDING"
  })
  void followsTheDevice(DeploymentState before, SlotPhase phase, DeploymentState after) {
    assertThat(DeploymentMachine.after(before, report(3, phase, NEW), 3, NEW)).isEqualTo(after);
  }

  @Test
  void isCommittedOnlyWhenTheRunningProcessNamesTheOrderedManifest() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.IN_PROGRESS, report(3, SlotPhase.COMMITTED, OLD), 3, NEW))
        .isEqualTo(DeploymentState.IN_PROGRESS);
  }

  @Test
  void storesButDoesNotObeyReportsOfAnotherRevision() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, report(3, SlotPhase.COMMITTED, OLD), 4, OLD))
        .isEqualTo(DeploymentState.RESTORING);
  }

  @Test
  void isRestoredWhenTheOldManifestRunsAgain() {
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, report(4, SlotPhase.COMMITTED, OLD), 4, OLD))
        .isEqualTo(DeploymentState.RESTORED);
    assertThat(
            DeploymentMachine.after(
                DeploymentState.RESTORING, report(4, SlotPhase.FAILED, NEW), 4, OLD))
        .isEqualTo(DeploymentState.RESTORE_FAILED);
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
