package io.skerry.protocol;

/**
 * How many predictions keep their input.
 *
 * @param base share of ordinary predictions, 0 to 1
 * @param notable share of predictions with a low-confidence or anomalous input, 0 to 1
 */
public record SamplingRates(double base, double notable) {
  /** A prediction chosen by a lower chance stands for too many others to be believed. */
  public static final double PROBABILITY_MIN = 1e-6;

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

  /**
   * Rates that somebody asks for. What was stored or sent before may be lower and chooses nothing.
   *
   * @throws IllegalArgumentException if a rate is outside 0 to 1, or above 0 and below {@link
   *     #PROBABILITY_MIN}
   */
  public static SamplingRates asked(double base, double notable) {
    SamplingRates rates = new SamplingRates(base, notable);
    if (isTooLow(base) || isTooLow(notable)) {
      throw new IllegalArgumentException(
          "sampling rates %s and %s must be 0 or at least %s"
              .formatted(base, notable, PROBABILITY_MIN));
    }
    return rates;
  }

  /**
   * Both so many times, at most 1.
   *
   * @param factor ≥ 0
   */
  public SamplingRates times(double factor) {
    return new SamplingRates(Math.min(1, base * factor), Math.min(1, notable * factor));
  }

  private static boolean isTooLow(double rate) {
    return rate > 0 && rate < PROBABILITY_MIN;
  }
}
