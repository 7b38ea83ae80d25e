package io.skerry.fleet.rollout;

import io.skerry.protocol.Digest;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;

/**
 * What a device's report means for its deployment.
 *
 * <p>Only a report about the order's own revision or a later one counts: what an old revision says
 * is history. A device is committed only when the running process itself names the ordered
 * manifest.
 */
public final class DeploymentMachine {
  private DeploymentMachine() {}

  /**
   * The state after a report.
   *
   * @param revision of the slot's last order in this rollout
   * @param ordered manifest of that order: the new version's, or when restoring the old one's
   */
  public static DeploymentState after(
      DeploymentState state, SlotReport report, long revision, Digest ordered) {
    if (report.revision() != revision) {
      return state;
    }
    return switch (state) {
      case OFFERED, IN_PROGRESS, DEFERRED -> updated(state, report, ordered);
      case COMMITTED ->
          report.phase() == SlotPhase.ROLLED_BACK ? DeploymentState.ROLLED_BACK : state;
      case RESTORING -> restored(report, ordered);
      case PENDING, REJECTED, FAILED, ROLLED_BACK, RESTORED, RESTORE_FAILED -> state;
    };
  }

  private static DeploymentState updated(DeploymentState state, SlotReport report, Digest ordered) {
    return switch (report.phase()) {
      case IDLE -> state;
      case DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION ->
          DeploymentState.IN_PROGRESS;
      case COMMITTED -> runs(report, ordered) ? DeploymentState.COMMITTED : state;
      case ROLLED_BACK -> DeploymentState.ROLLED_BACK;
      case REJECTED -> DeploymentState.REJECTED;
      case FAILED -> DeploymentState.FAILED;
    };
  }

  private static DeploymentState restored(SlotReport report, Digest ordered) {
    return switch (report.phase()) {
      case COMMITTED ->
          runs(report, ordered) ? DeploymentState.RESTORED : DeploymentState.RESTORING;
      case ROLLED_BACK, REJECTED, FAILED ->
          runs(report, ordered) ? DeploymentState.RESTORED : DeploymentState.RESTORE_FAILED;
      case IDLE, DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION ->
          DeploymentState.RESTORING;
    };
  }

  private static boolean runs(SlotReport report, Digest manifest) {
    return report.running().map(running -> running.manifest().equals(manifest)).orElse(false);
  }
}
