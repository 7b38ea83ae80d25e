package io.skerry.bench.rollouts;

/** The standard normal distribution. */
final class Normal {
  private static final int STEPS = 2000;
  private static final double FAR = 10;

  private Normal() {}

  /** Probability of more than z, by Simpson's rule. */
  static double above(double z) {
    if (z < 0) {
      return 1 - above(-z);
    }
    double width = FAR / STEPS;
    double sum = 0;
    for (int step = 0; step <= STEPS; step++) {
      double at = z + step * width;
      double weight = step == 0 || step == STEPS ? 1 : step % 2 == 1 ? 4 : 2;
      sum += weight * Math.exp(-at * at / 2);
    }
    return sum * width / 3 / Math.sqrt(2 * Math.PI);
  }
}
