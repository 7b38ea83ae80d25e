package io.skerry.telemetry.drift;

import java.util.List;

/** How different two sets of counts over the same bins are. */
public final class EffectSize {
  private EffectSize() {}

  /**
   * Population stability index in nats, less what chance alone would give.
   *
   * <pre>{@code max(0, sum (p - q) ln(p / q) - (B - 1) (1/n + 1/m))}</pre>
   *
   * <p>Shares are smoothed by half a count per bin, so that an empty bin stays finite.
   *
   * @param expected reference counts
   * @param observed counts in the same bins
   * @return at least 0; 0 when either side counted nothing
   * @throws IllegalArgumentException if the lengths differ or are 0
   */
  public static double psi(List<Long> expected, List<Long> observed) {
    int bins = expected.size();
    if (bins == 0 || observed.size() != bins) {
      throw new IllegalArgumentException(
          "%d expected and %d observed bins".formatted(bins, observed.size()));
    }
    double m = expected.stream().mapToLong(Long::longValue).sum();
    double n = observed.stream().mapToLong(Long::longValue).sum();
    if (m == 0 || n == 0) {
      return 0;
    }
    double psi = 0;
    for (int bin = 0; bin < bins; bin++) {
      double q = (expected.get(bin) + .5) / (m + .5 * bins);
      double p = (observed.get(bin) + .5) / (n + .5 * bins);
      psi += (p - q) * Math.log(p / q);
    }
    return Math.max(0, psi - (bins - 1) * (1 / n + 1 / m));
  }
}
