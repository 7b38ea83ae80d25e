package io.skerry.telemetry.drift;

/** Two-sided normal bounds that hold for many comparisons together with 95 %. */
final class Bonferroni {
  private static final double LEVEL = .05;

  private Bonferroni() {}

  /** Standard errors on each side, for so many comparisons. */
  static double z(long comparisons) {
    double p = LEVEL / 2 / Math.max(1, comparisons);
    // Abramowitz and Stegun 26.2.23, its error below 4.5e-4.
    double t = Math.sqrt(-2 * Math.log(p));
    return t
        - (2.515517 + t * (.802853 + t * .010328))
            / (1 + t * (1.432788 + t * (.189269 + t * .001308)));
  }
}
