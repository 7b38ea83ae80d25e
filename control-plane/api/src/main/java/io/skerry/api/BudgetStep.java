package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One step of the published order in which a device that is short of bytes tells less, and what
 * shifts it leaves to be found in cohorts of several sizes.
 *
 * @param step from 0, nothing left out
 * @param windowMillis windows that are counted together, in milliseconds
 * @param bins ordinary bins of a feature at most
 * @param features that are told
 * @param bytesPerDay of windows, everything that travels with them counted; absent where devices
 *     tell less than this already, so that nobody can weigh it
 * @param windows within which the shifts are found as often as not
 * @param chosen whether most devices' last records were told by this step
 * @param shifts smallest ones, in cohorts of rising size
 */
public record BudgetStep(
    String slot,
    String model,
    long version,
    int step,
    long windowMillis,
    int bins,
    int features,
    @Nullable Long bytesPerDay,
    int windows,
    boolean chosen,
    List<Shift> shifts) {
  public BudgetStep {
    shifts = List.copyOf(shifts);
  }

  /**
   * The smallest shift in one size of cohort.
   *
   * @param devices of the cohort
   * @param peers all others of the fleet
   * @param sigma training standard deviations of the feature in the middle; absent when none is
   *     found as fast, or nobody can tell
   */
  public record Shift(int devices, int peers, @Nullable Double sigma) {}

  /** One line of a file. */
  public record Line(
      String slot,
      String model,
      long version,
      int step,
      long windowMillis,
      int bins,
      int features,
      @Nullable Long bytesPerDay,
      int windows,
      boolean chosen,
      int devices,
      int peers,
      @Nullable Double sigma) {}

  /** A line for each size of cohort. */
  public List<Line> lines() {
    return shifts.stream()
        .map(
            shift ->
                new Line(
                    slot,
                    model,
                    version,
                    step,
                    windowMillis,
                    bins,
                    features,
                    bytesPerDay,
                    windows,
                    chosen,
                    shift.devices(),
                    shift.peers(),
                    shift.sigma()))
        .toList();
  }
}
