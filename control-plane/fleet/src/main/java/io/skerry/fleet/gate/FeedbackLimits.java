package io.skerry.fleet.gate;

/**
 * When feedback decides.
 *
 * @param tolerance largest acceptable loss of accuracy within a class, 0 to 1
 * @param recordsMin outcomes of a class before it is judged
 * @param devicesMin devices with {@code deviceRecordsMin} outcomes of a class before it is judged
 * @param deviceRecordsMin outcomes of a class before a device counts
 * @param required whether the stage cannot pass without this gate
 * @param action what a failure does
 */
public record FeedbackLimits(
    double tolerance,
    long recordsMin,
    int devicesMin,
    long deviceRecordsMin,
    boolean required,
    GateAction action) {
  /** Tolerance .15, 40 outcomes of at least 3 devices; not required; rolls back. */
  public static final FeedbackLimits DEFAULTS =
      new FeedbackLimits(.15, 40, 3, 4, false, GateAction.ROLLBACK);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside
   */
  public FeedbackLimits {
    if (!(tolerance > 0 && tolerance <= 1)
        || recordsMin < 1
        || devicesMin < 3
        || deviceRecordsMin < 1) {
      throw new IllegalArgumentException(
          "feedback limits: tolerance must be above 0 and at most 1, at least 3 devices, 1 record");
    }
  }

  /** The same limits, required or not. */
  public FeedbackLimits required(boolean required) {
    return new FeedbackLimits(
        tolerance, recordsMin, devicesMin, deviceRecordsMin, required, action);
  }
}
