package io.skerry.fleet.gate;

/**
 * A confidence interval.
 *
 * @param low at most {@code high}
 */
public record Interval(double low, double high) {
  /**
   * Wilson's score interval of a share.
   *
   * @param hits of the trials, 0 to {@code trials}
   * @param trials at least 1
   * @param z standard normal quantile, for example 1.96
   * @see <a href="https://doi.org/10.1080/01621459.1927.10502953">Wilson 1927</a>
   */
  public static Interval wilson(long hits, long trials, double z) {
    if (trials < 1 || hits < 0 || hits > trials) {
      throw new IllegalArgumentException("%d of %d is no share".formatted(hits, trials));
    }
    double share = (double) hits / trials;
    double z2 = z * z;
    double centre = share + z2 / (2.0 * trials);
    double half =
        z * Math.sqrt(share * (1 - share) / trials + z2 / (4.0 * trials * (double) trials));
    double scale = 1 + z2 / trials;
    return new Interval(Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale));
  }
}
