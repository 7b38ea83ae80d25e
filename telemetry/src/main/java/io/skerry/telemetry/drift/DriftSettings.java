package io.skerry.telemetry.drift;

/**
 * What counts as drift.
 *
 * @param learningWindows windows of a device that make its own baseline
 * @param predictionsMin predictions of a device in a window before it says anything
 * @param cohortMin devices of a cohort, and of its peers, before the cohort is judged
 * @param material a shift of the mean position that does not matter, 0 to 1 on the training scale
 * @param baselineZ standard errors of the learned baseline that are added to {@code material}
 * @param clip residual at which one device's say is full
 * @param windowsPerFalseAlarm the fleet opens at most one false incident in that many windows, on
 *     average
 */
public record DriftSettings(
    int learningWindows,
    long predictionsMin,
    int cohortMin,
    double material,
    double baselineZ,
    double clip,
    long windowsPerFalseAlarm) {
  /** 4 learning windows, cohorts of 8, tolerance .05, one false incident in 1,000 windows. */
  public static final DriftSettings DEFAULTS = new DriftSettings(4, 8, 8, .05, 3.9, .5, 1000);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside
   */
  public DriftSettings {
    if (learningWindows < 2
        || predictionsMin < 1
        || cohortMin < 2
        || !(material > 0 && material < 1)
        || !(clip > 0 && clip <= 1)
        || windowsPerFalseAlarm < 1) {
      throw new IllegalArgumentException("drift settings are outside their ranges");
    }
  }
}
