package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.FailureGate;
import io.skerry.protocol.ProfileId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Devices of a rollout, counted. A stage that was never opened has none.
 *
 * @param cells groups of devices; the same group may come several times
 */
public record Census(List<Cell> cells) {
  /** No device. */
  public static final Census NONE = new Census(List.of());

  public Census {
    cells = List.copyOf(cells);
  }

  /**
   * Devices that have all of this in common.
   *
   * @param online whether they are connected
   * @param replacing whether they ran another version before this rollout touched them
   * @param late whether they get the version after the rollout's success: they were not at an end
   *     then, or were ordered it since; until then, of a trial that was good, whether they were
   *     ordered its version as the active one
   */
  public record Cell(
      int stage,
      ProfileId profile,
      DeploymentState state,
      boolean online,
      boolean replacing,
      boolean late,
      int devices) {
    /** Of devices that are not late. */
    public Cell(
        int stage,
        ProfileId profile,
        DeploymentState state,
        boolean online,
        boolean replacing,
        int devices) {
      this(stage, profile, state, online, replacing, false, devices);
    }

    boolean isUnderWay() {
      return online && state.isInFlight();
    }
  }

  /** Devices of the groups that fit. */
  public int count(Predicate<Cell> fits) {
    int devices = 0;
    for (Cell cell : cells) {
      devices += fits.test(cell) ? cell.devices() : 0;
    }
    return devices;
  }

  /** Devices of a stage, without those that have left it. */
  public int devices(int stage) {
    return count(cell -> cell.stage() == stage && cell.state() != DeploymentState.NOT_ELIGIBLE);
  }

  /** Devices of a stage in a state. */
  public int count(int stage, DeploymentState state) {
    return count(cell -> cell.stage() == stage && cell.state() == state);
  }

  /** Devices of all stages in a state. */
  public int count(DeploymentState state) {
    return count(cell -> cell.state() == state);
  }

  /** Devices that this rollout touched, see {@link DeploymentState#isTouched}. */
  public int touched() {
    return count(cell -> cell.state().isTouched());
  }

  /**
   * What is judged of a trial that was good: the stages that were opened again, without devices
   * that failed the trial, for they take no further part.
   */
  Census promotedThrough(int stage) {
    return new Census(
        cells.stream()
            .filter(cell -> cell.stage() <= stage && (cell.late() || !cell.state().isFailure()))
            .toList());
  }

  int inFlightOnline() {
    return count(Cell::isUnderWay);
  }

  int replaced() {
    return count(cell -> cell.replacing() && cell.state().isTouched());
  }

  /**
   * How the devices ended, by profile: what the gate on failed devices judges.
   *
   * @param underWay whether those that are on their way are counted, too
   */
  public Map<ProfileId, FailureGate.Devices> failures(boolean underWay) {
    return failures(cell -> true, underWay);
  }

  /** The same of one stage, if there are devices of others; empty if it is all that there is. */
  Map<ProfileId, FailureGate.Devices> failuresAlone(int stage, boolean underWay) {
    return devices(stage) == count(cell -> cell.state() != DeploymentState.NOT_ELIGIBLE)
        ? Map.of()
        : failures(cell -> cell.stage() == stage, underWay);
  }

  /** The same of those that get the version after the success. */
  Map<ProfileId, FailureGate.Devices> failuresOfLate() {
    return failures(Cell::late, true);
  }

  private Map<ProfileId, FailureGate.Devices> failures(Predicate<Cell> fits, boolean underWay) {
    Map<ProfileId, FailureGate.Devices> byProfile = new HashMap<>();
    for (Cell cell : cells) {
      if (!fits.test(cell)
          || cell.state() == DeploymentState.REMOVED
          || cell.state() == DeploymentState.NOT_ELIGIBLE
          || cell.state() == DeploymentState.CANCELLED) {
        continue;
      }
      byProfile.merge(
          cell.profile(),
          new FailureGate.Devices(
              cell.devices(),
              cell.state().isEnded() ? cell.devices() : 0,
              cell.state().isFailure() ? cell.devices() : 0,
              underWay && cell.isUnderWay() ? cell.devices() : 0),
          FailureGate.Devices::plus);
    }
    return byProfile;
  }
}
