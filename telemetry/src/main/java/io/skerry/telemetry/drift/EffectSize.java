package io.skerry.telemetry.drift;

import java.util.Arrays;

/**
 * How different two sets of counts over the same bins are, each figure with its 95 % interval. An
 * interval takes the counted values for independent: values of one device are not, so that it is
 * too narrow for few devices; verdicts do not rest on it.
 *
 * @param psi population stability index in nats, less what chance alone would give, at least 0
 * @param jensenShannon distance, its divergence less what chance alone would give, 0 to 1
 * @param kolmogorovSmirnov largest difference of the cumulative shares, 0 to 1
 * @param wasserstein distance between the cumulative shares, in bins over all bins, 0 to 1; its
 *     lower bound is less what chance alone would give
 * @param shiftSigma shift of the mean against baseline and peers, in training standard deviations;
 *     at most what the bins can show; its interval is over devices
 * @param expectedCount counted in the reference
 * @param observedCount counted now
 */
public record EffectSize(
    Estimate psi,
    Estimate jensenShannon,
    double kolmogorovSmirnov,
    Estimate wasserstein,
    Estimate shiftSigma,
    long expectedCount,
    long observedCount) {
  private static final Estimate NOTHING = new Estimate(0, 0, 0);

  /** Nothing was compared. */
  public static final EffectSize NONE = new EffectSize(NOTHING, NOTHING, 0, NOTHING, NOTHING, 0, 0);

  /** Only the shift is known, from devices' own residuals. */
  static EffectSize ofShift(Estimate shiftSigma) {
    return new EffectSize(NOTHING, NOTHING, 0, NOTHING, shiftSigma, 0, 0);
  }

  private static final double LN2 = Math.log(2);

  /** Compares counts of which no shift of the mean is known. */
  public static EffectSize of(long[] expected, long[] observed) {
    return of(expected, observed, NOTHING);
  }

  /**
   * Compares.
   *
   * <pre>{@code
   * e   = 1/n + 1/m
   * psi = max(0, sum (p - q) ln(p / q) - (B - 1) e)      variance = 4 psi e + 2 (B - 1) e^2
   * d   = .5 KL(p | (p+q)/2) + .5 KL(q | (p+q)/2), to base 2, less (B - 1) e / (8 ln 2)
   * js  = sqrt(max(0, d))         variance of d = V(ln(p / (p+q)) / 2 ln 2) + 2 (B - 1) (e / 8 ln 2)^2
   * ks  = max_b |P_b - Q_b|
   * w   = sum_b |P_b - Q_b| / B   variance = V(sum_{b >= k} sign(P_b - Q_b) / B)
   *       by chance  sum_b sqrt(2 Q_b (1 - Q_b) e / pi) / B
   * V(g) = var_p(g) / n + var_q(g) / m, the variance of sums of g to first order
   * }</pre>
   *
   * <p>Shares are smoothed by half a count per bin, so that an empty bin stays finite.
   *
   * @param expected reference counts
   * @param observed counts in the same bins
   * @throws IllegalArgumentException if the lengths differ or are 0
   */
  public static EffectSize of(long[] expected, long[] observed, Estimate shiftSigma) {
    int bins = expected.length;
    if (bins == 0 || observed.length != bins) {
      throw new IllegalArgumentException(
          "%d expected and %d observed bins".formatted(bins, observed.length));
    }
    long m = Arrays.stream(expected).sum();
    long n = Arrays.stream(observed).sum();
    if (m == 0 || n == 0) {
      return NONE;
    }
    double[] p = new double[bins];
    double[] q = new double[bins];
    double[] ofP = new double[bins];
    double[] ofQ = new double[bins];
    double[] gaps = new double[bins];
    double psi = 0;
    double divergence = 0;
    double ks = 0;
    double distance = 0;
    double byChance = 0;
    double cumulated = 0;
    double below = 0;
    double each = 1.0 / n + 1.0 / m;
    for (int bin = 0; bin < bins; bin++) {
      q[bin] = (expected[bin] + .5) / (m + .5 * bins);
      p[bin] = (observed[bin] + .5) / (n + .5 * bins);
      double middle = (p[bin] + q[bin]) / 2;
      ofP[bin] = Math.log(p[bin] / middle) / (2 * LN2);
      ofQ[bin] = Math.log(q[bin] / middle) / (2 * LN2);
      psi += (p[bin] - q[bin]) * Math.log(p[bin] / q[bin]);
      divergence += p[bin] * ofP[bin] + q[bin] * ofQ[bin];
      cumulated += (double) observed[bin] / n - (double) expected[bin] / m;
      below += (double) expected[bin] / m;
      gaps[bin] = cumulated;
      ks = Math.max(ks, Math.abs(cumulated));
      distance += Math.abs(cumulated) / bins;
      byChance += Math.sqrt(2 * Math.max(0, below * (1 - below)) * each / Math.PI) / bins;
    }
    double corrected = Math.max(0, psi - (bins - 1) * each);
    double error = Math.sqrt(4 * corrected * each + 2 * (bins - 1) * each * each);
    double moved = Math.sqrt(variance(slopes(gaps), p, n) + variance(slopes(gaps), q, m));
    return new EffectSize(
        Estimate.around(corrected, error).within(0, Double.MAX_VALUE),
        jensenShannon(divergence, bins, each, variance(ofP, p, n) + variance(ofQ, q, m)),
        ks,
        new Estimate(
            distance,
            Math.max(0, distance - byChance - Estimate.Z * moved),
            Math.min(1, distance + Estimate.Z * moved)),
        shiftSigma,
        m,
        n);
  }

  private static Estimate jensenShannon(double divergence, int bins, double each, double variance) {
    double ofOne = each / (8 * LN2);
    double corrected = divergence - (bins - 1) * ofOne;
    double error = Math.sqrt(variance + 2 * (bins - 1) * ofOne * ofOne);
    Estimate squared = Estimate.around(Math.max(0, corrected), error).within(0, 1);
    return new Estimate(
        Math.sqrt(squared.value()), Math.sqrt(squared.low()), Math.sqrt(squared.high()));
  }

  // By how much the distance grows with the share of each bin.
  private static double[] slopes(double[] gaps) {
    double[] slopes = new double[gaps.length];
    double after = 0;
    for (int bin = gaps.length - 1; bin >= 0; bin--) {
      after += Math.signum(gaps[bin]) / gaps.length;
      slopes[bin] = after;
    }
    return slopes;
  }

  private static double variance(double[] of, double[] shares, long count) {
    double mean = 0;
    double squares = 0;
    for (int bin = 0; bin < of.length; bin++) {
      mean += shares[bin] * of[bin];
      squares += shares[bin] * of[bin] * of[bin];
    }
    return Math.max(0, squares - mean * mean) / count;
  }
}
