package io.skerry.telemetry.drift;

/**
 * How much a device's statistics vary from window to window around its baseline, pooled over
 * devices, and how much of that lasts from one window to the next.
 */
final class Noise {
  // Below this many learning windows, memory cannot be told from noise: all of it counts as memory.
  private static final int WINDOWS_FOR_MEMORY = 8;

  private final double[] squares;
  private final double[] freedom;
  private final double[] steps;
  private final double[] stepCount;
  private final int learningWindows;
  private final int terms;

  Noise(int statistics, int learningWindows, int terms) {
    squares = new double[statistics];
    freedom = new double[statistics];
    steps = new double[statistics];
    stepCount = new double[statistics];
    this.learningWindows = learningWindows;
    this.terms = terms;
  }

  void add(int statistic, double squareSum, double degrees, double stepSum, double stepped) {
    if (squareSum >= 0 && stepSum >= 0) {
      squares[statistic] += squareSum;
      freedom[statistic] += degrees;
      steps[statistic] += stepSum;
      stepCount[statistic] += stepped;
    }
  }

  void write(StateWriter to) {
    to.putDoubles(squares);
    to.putDoubles(freedom);
    to.putDoubles(steps);
    to.putDoubles(stepCount);
  }

  void read(StateReader from) {
    from.getDoubles(squares);
    from.getDoubles(freedom);
    from.getDoubles(steps);
    from.getDoubles(stepCount);
  }

  boolean isKnown(int statistic) {
    return freedom[statistic] > 0;
  }

  double variance(int statistic) {
    return freedom[statistic] > 0 ? squares[statistic] / freedom[statistic] : 1;
  }

  /** The share of the variance that one window hands on to the next, 0 to 1. */
  double memory(int statistic) {
    if (learningWindows < WINDOWS_FOR_MEMORY || stepCount[statistic] < 1) {
      return 1;
    }
    double variance = variance(statistic);
    if (variance <= 0) {
      return 0;
    }
    // Short series look less alike than they are, by about this much.
    double bias = (terms + 2.0) / learningWindows;
    double alike = 1 - steps[statistic] / stepCount[statistic] / (2 * variance);
    return Math.clamp(alike < 2 / Math.sqrt(stepCount[statistic]) ? 0 : alike + bias, 0, 1);
  }

  /**
   * The variance of the mean that remains of a device's baseline: its own error, and what of the
   * present lasts so long that it is no new evidence.
   */
  double baselineVariance(int statistic) {
    double memory = memory(statistic);
    double independent = Math.max(1, learningWindows * (1 - memory) / (1 + memory));
    return variance(statistic) * Math.min(1, terms / independent + memory);
  }
}
