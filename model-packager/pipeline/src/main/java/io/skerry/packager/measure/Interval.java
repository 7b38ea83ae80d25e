package io.skerry.packager.measure;

/** A 95 % confidence interval. */
public record Interval(double low, double high) {
  static final double Z = 1.959963984540054;

  /** Around an estimate that is about normally distributed. */
  static Interval normal(double estimate, double standardError) {
    return new Interval(estimate - Z * standardError, estimate + Z * standardError);
  }

  /** What of it can be, for an estimate that can. */
  Interval within(double least, double most) {
    return new Interval(Math.max(least, low), Math.min(most, high));
  }

  /**
   * Of a share, by Wilson's score.
   *
   * @see <a href="https://doi.org/10.1080/01621459.1927.10502953">Wilson 1927</a>
   */
  static Interval wilson(long hits, long trials) {
    double share = (double) hits / trials;
    double shrink = 1 + Z * Z / trials;
    double centre = (share + Z * Z / (2 * trials)) / shrink;
    double half =
        Z / shrink * Math.sqrt(share * (1 - share) / trials + Z * Z / (4.0 * trials * trials));
    return new Interval(Math.max(0, centre - half), Math.min(1, centre + half));
  }
}
