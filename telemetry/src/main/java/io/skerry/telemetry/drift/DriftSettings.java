package io.skerry.telemetry.drift;

/**
 * What counts as drift.
 *
 * @param learningWindows windows of a device that make its own baseline
 * @param seasonWindows windows of a season, for example 24 of a day; 1 = none. A device then learns
 *     its own course through the season, from at least two of them
 * @param predictionsMin predictions of a device in a window before it says anything
 * @param cohortMin devices of a cohort, and of its peers, before the cohort is judged
 * @param material a shift of a mean position that does not matter, 0 to 1 on the training scale
 * @param materialShare a shift of a share that does not matter
 * @param baselineZ standard errors of the learned baseline that are added to what is material
 * @param clipDeviations deviations of a device-window at which one device's say is full
 * @param windowsPerFalseAlarm the fleet opens at most one false incident in that many windows, on
 *     average
 */
public record DriftSettings(
    int learningWindows,
    int seasonWindows,
    long predictionsMin,
    int cohortMin,
    double material,
    double materialShare,
    double baselineZ,
    double clipDeviations,
    long windowsPerFalseAlarm) {
  private static final long DAY_MILLIS = 86_400_000;
  private static final int SEASON_MAX = 96;

  // What moves slowly, as ageing does, is no shift of one feature against the others.
  private static final double CONDITIONAL_MIN = .05;
  private static final double MATERIAL_KNOWN = .01;

  /**
   * 4 learning windows, no season, cohorts of 8, one false incident in 1,000 windows. So short a
   * learning period cannot tell slow movement from noise: a shift below .05 does not matter.
   */
  public static final DriftSettings DEFAULTS =
      new DriftSettings(4, 1, 8, 8, .05, .02, 3.9, 2.5, 1000);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside
   */
  public DriftSettings {
    if (learningWindows < 2
        || seasonWindows < 1
        || (seasonWindows > 1 && learningWindows < 2 * seasonWindows)
        || predictionsMin < 1
        || cohortMin < 2
        || !(material > 0 && material < 1)
        || !(materialShare > 0 && materialShare < 1)
        || !(baselineZ >= 0)
        || !(clipDeviations > 0)
        || windowsPerFalseAlarm < 1) {
      throw new IllegalArgumentException("drift settings are outside their ranges");
    }
  }

  /**
   * The defaults for windows of a length. Those that divide a day into 4 to 96 know its season, and
   * two days of learning tell noise from memory: then a shift of .01 matters, .036 deviations.
   */
  public static DriftSettings forWindows(long windowMillis) {
    long windows = DAY_MILLIS / Math.max(1, windowMillis);
    return windows >= 4 && windows <= SEASON_MAX && DAY_MILLIS % windowMillis == 0
        ? DEFAULTS.withSeason((int) windows)
        : DEFAULTS;
  }

  /** These settings for windows of which a season, learned twice, has so many. */
  public DriftSettings withSeason(int windows) {
    return new DriftSettings(
        Math.max(learningWindows, 2 * windows),
        windows,
        predictionsMin,
        cohortMin,
        MATERIAL_KNOWN,
        MATERIAL_KNOWN,
        baselineZ,
        clipDeviations,
        windowsPerFalseAlarm);
  }

  /** These settings with another promise. */
  public DriftSettings withWindowsPerFalseAlarm(long windows) {
    return new DriftSettings(
        learningWindows,
        seasonWindows,
        predictionsMin,
        cohortMin,
        material,
        materialShare,
        baselineZ,
        clipDeviations,
        windows);
  }

  double material(Stream.Kind kind) {
    return switch (kind) {
      case LOCATION, OUTPUT -> material;
      case CONDITIONAL -> Math.max(CONDITIONAL_MIN, material);
      case SCALE -> 2 * material;
      case QUALITY, CATEGORY, SHARE, ERROR -> materialShare;
      case STUCK -> 5 * materialShare;
    };
  }
}
