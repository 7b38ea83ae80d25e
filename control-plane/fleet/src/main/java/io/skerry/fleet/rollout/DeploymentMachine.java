package io.skerry.fleet.rollout;

import io.skerry.protocol.Digest;
import io.skerry.protocol.SlotReport;
import java.util.Comparator;
import java.util.List;

/**
 * What a device's report means for its deployment.
 *
 * <p>Only a report about the order's own revision counts: what an old revision says is history, and
 * so a cancel needs no consent. A device is committed only when the running process itself names
 * the ordered manifest, of every part of the rollout.
 */
public final class DeploymentMachine {
  private DeploymentMachine() {}

  /**
   * What was reported of one part.
   *
   * @param revision of the slot's last order in this rollout
   * @param ordered manifest of that order: the new version's, or when restoring the old one's
   */
  public record Part(SlotReport report, long revision, Digest ordered) {
    boolean isCurrent() {
      return report.revision() == revision;
    }

    boolean runsOrdered() {
      return report.running().map(running -> running.manifest().equals(ordered)).orElse(false);
    }
  }

  /**
   * The state after a report.
   *
   * @param parts every part of the rollout; at least one
   */
  public static DeploymentState after(DeploymentState state, List<Part> parts) {
    return switch (state) {
      case OFFERED, DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION, DEFERRED ->
          updated(state, parts);
      case NOT_REACHED -> reached(parts);
      case COMMITTED -> committed(parts);
      case RESTORING -> restored(parts);
      // Its order stands: it may get there late.
      case RESTORE_FAILED ->
          restored(parts) == DeploymentState.RESTORED ? DeploymentState.RESTORED : state;
      case PENDING, REJECTED, FAILED, TIMED_OUT, ROLLED_BACK, ALREADY_INSTALLED -> state;
      case CANCELLED, REMOVED, RESTORED, NOT_ELIGIBLE -> state;
    };
  }

  // All or none: one part that failed fails the device, and it is as far as its slowest part.
  private static DeploymentState updated(DeploymentState state, List<Part> parts) {
    DeploymentState slowest = DeploymentState.COMMITTED;
    DeploymentState failure = null;
    for (Part part : parts) {
      DeploymentState one = updated(state, part);
      if (one.isFailure()) {
        failure = failure == null || one.compareTo(failure) < 0 ? one : failure;
      } else if (one == DeploymentState.DEFERRED || slowest == DeploymentState.DEFERRED) {
        slowest = DeploymentState.DEFERRED;
      } else if (one.compareTo(slowest) < 0) {
        slowest = one;
      }
    }
    return failure == null ? slowest : failure;
  }

  private static DeploymentState updated(DeploymentState state, Part part) {
    if (!part.isCurrent()) {
      return state == DeploymentState.DEFERRED ? state : DeploymentState.OFFERED;
    }
    return switch (part.report().phase()) {
      case IDLE -> state == DeploymentState.DEFERRED ? state : DeploymentState.OFFERED;
      case DOWNLOADING -> DeploymentState.DOWNLOADING;
      case VERIFYING -> DeploymentState.VERIFYING;
      case STAGED -> DeploymentState.STAGED;
      case COMPILING -> DeploymentState.COMPILING;
      case ACTIVATING -> DeploymentState.ACTIVATING;
      case PROBATION -> DeploymentState.PROBATION;
      case COMMITTED -> part.runsOrdered() ? DeploymentState.COMMITTED : DeploymentState.PROBATION;
      case ROLLED_BACK -> DeploymentState.ROLLED_BACK;
      case REJECTED -> DeploymentState.REJECTED;
      case FAILED -> DeploymentState.FAILED;
    };
  }

  // It is none that is waited for before it has the version.
  private static DeploymentState reached(List<Part> parts) {
    DeploymentState after = updated(DeploymentState.OFFERED, parts);
    return after.isBeforeTheVersion() ? DeploymentState.NOT_REACHED : after;
  }

  // It takes the same order up again where its artifact was damaged or is gone, and may fail then.
  private static DeploymentState committed(List<Part> parts) {
    return parts.stream()
        .filter(Part::isCurrent)
        .map(part -> updated(DeploymentState.COMMITTED, part))
        .filter(DeploymentState::isFailure)
        .min(Comparator.naturalOrder())
        .orElse(DeploymentState.COMMITTED);
  }

  private static DeploymentState restored(List<Part> parts) {
    boolean stuck = false;
    for (Part part : parts) {
      if (!part.isCurrent()) {
        return DeploymentState.RESTORING;
      }
      switch (part.report().phase()) {
        case COMMITTED, ROLLED_BACK, REJECTED, FAILED -> stuck |= !part.runsOrdered();
        case IDLE, DOWNLOADING, VERIFYING, STAGED, COMPILING, ACTIVATING, PROBATION -> {
          return DeploymentState.RESTORING;
        }
      }
    }
    return stuck ? DeploymentState.RESTORE_FAILED : DeploymentState.RESTORED;
  }
}
