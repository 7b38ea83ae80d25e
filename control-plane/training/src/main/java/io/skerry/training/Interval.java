package io.skerry.training;

import java.util.List;
import java.util.function.ToDoubleFunction;

/** A figure with its 95 % confidence interval. */
record Interval(double value, double low, double high) {
  /** The standard normal distribution's 97.5 % point. */
  static final double Z = 1.959963984540054;

  /** The interval of a share, by Wilson; holds for shares near 0 and 1 too. */
  static Interval wilson(long hits, long of) {
    double share = (double) hits / of;
    double z2 = Z * Z;
    double center = (share + z2 / (2 * of)) / (1 + z2 / of);
    double half = Z * Math.sqrt(share * (1 - share) / of + z2 / (4.0 * of * of)) / (1 + z2 / of);
    return new Interval(share, Math.max(0, center - half), Math.min(1, center + half));
  }

  /** The interval of a figure in [0, 1] with this standard error, symmetric in the logit. */
  static Interval ofShare(double value, double standardError) {
    if (value <= 0 || value >= 1) {
      return new Interval(
          value, Math.max(0, value - Z * standardError), Math.min(1, value + Z * standardError));
    }
    double logit = Math.log(value / (1 - value));
    double half = Z * standardError / (value * (1 - value));
    return new Interval(value, expit(logit - half), expit(logit + half));
  }

  /** The mean of figures that may err together: no narrower than they are. */
  static Interval mean(List<Interval> figures) {
    return new Interval(
        mean(figures, Interval::value),
        mean(figures, Interval::low),
        mean(figures, Interval::high));
  }

  private static double mean(List<Interval> figures, ToDoubleFunction<Interval> part) {
    return figures.stream()
        .mapToDouble(part)
        .average()
        .orElseThrow(() -> new IllegalArgumentException("no figures to take the mean of"));
  }

  private static double expit(double logit) {
    return 1 / (1 + Math.exp(-logit));
  }
}
