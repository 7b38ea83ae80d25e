package io.skerry.protocol;

/**
 * How many predictions keep their input.
 *
 * @param base share of ordinary predictions, 0 to 1
 * @param notable share of predictions with a low-confidence or anomalous input, 0 to 1
 */
public record SamplingRates(double base, double notable) {
  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a rate is outside 0 to 1
   */
  public SamplingRates {
    if (!(base >= 0 && base <= 1 && notable >= 0 && notable <= 1)) {
      throw new IllegalArgumentException(
          "sampling rates %s and %s must be between 0 and 1".formatted(base, notable));
    }
  }
}
