package io.skerry.telemetry.drift;

/**
 * How different two sets of counts over the same bins are. An interval takes the counted values for
 * independent: values of one device are not, so that it is too narrow for few devices; verdicts do
 * not rest on it.
 *
 * @param psi population stability index in nats, less what chance alone would give, at least 0
 * @param jensenShannon distance, 0 to 1
 * @param kolmogorovSmirnov largest difference of the cumulative shares, 0 to 1
 * @param wasserstein distance between the cumulative shares, in bins over all bins, 0 to 1
 * @param shiftSigma shift of the mean against baseline and peers, in training standard deviations;
 *     at most what the bins can show
 * @param expectedCount counted in the reference
 * @param observedCount counted now
 */
public record EffectSize(
    Estimate psi,
    double jensenShannon,
    double kolmogorovSmirnov,
    double wasserstein,
    double shiftSigma,
    long expectedCount,
    long observedCount) {
  /** Nothing was compared. */
  public static final EffectSize NONE = new EffectSize(new Estimate(0, 0, 0), 0, 0, 0, 0, 0, 0);

  /**
   * Compares.
   *
   * <pre>{@code
   * psi = max(0, sum (p - q) ln(p / q) - (B - 1) (1/n + 1/m))
   * variance = 4 psi (1/n + 1/m) + 2 (B - 1) (1/n + 1/m)^2
   * js  = sqrt(.5 KL(p | (p+q)/2) + .5 KL(q | (p+q)/2)), logarithms to base 2
   * ks  = max_b |P_b - Q_b|        w = sum_b |P_b - Q_b| / B
   * }</pre>
   *
   * <p>Shares are smoothed by half a count per bin, so that an empty bin stays finite.
   *
   * @param expected reference counts
   * @param observed counts in the same bins
   * @throws IllegalArgumentException if the lengths differ or are 0
   */
  public static EffectSize of(long[] expected, long[] observed, double shiftSigma) {
    int bins = expected.length;
    if (bins == 0 || observed.length != bins) {
      throw new IllegalArgumentException(
          "%d expected and %d observed bins".formatted(bins, observed.length));
    }
    long m = 0;
    long n = 0;
    for (int bin = 0; bin < bins; bin++) {
      m += expected[bin];
      n += observed[bin];
    }
    if (m == 0 || n == 0) {
      return NONE;
    }
    double psi = 0;
    double js = 0;
    double ks = 0;
    double distance = 0;
    double cumulated = 0;
    for (int bin = 0; bin < bins; bin++) {
      double q = (expected[bin] + .5) / (m + .5 * bins);
      double p = (observed[bin] + .5) / (n + .5 * bins);
      double middle = (p + q) / 2;
      psi += (p - q) * Math.log(p / q);
      js += (p * Math.log(p / middle) + q * Math.log(q / middle)) / (2 * Math.log(2));
      cumulated += (double) observed[bin] / n - (double) expected[bin] / m;
      ks = Math.max(ks, Math.abs(cumulated));
      distance += Math.abs(cumulated) / bins;
    }
    double each = 1.0 / n + 1.0 / m;
    double corrected = Math.max(0, psi - (bins - 1) * each);
    double error = Math.sqrt(4 * corrected * each + 2 * (bins - 1) * each * each);
    return new EffectSize(
        Estimate.around(corrected, error).within(0, Double.MAX_VALUE),
        Math.sqrt(Math.max(0, js)),
        ks,
        distance,
        shiftSigma,
        m,
        n);
  }
}
