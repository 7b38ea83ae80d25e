package io.skerry.telemetry.drift;

import java.util.Arrays;
import java.util.BitSet;

/**
 * How much a device's statistics vary from window to window around its baseline, pooled over
 * devices, and how much of that lasts from one window to the next.
 *
 * <p>A device counts for no more than what it says can vary, and that is clipped: one whose sensor
 * flaps while it learns would else raise everybody's tolerance, and hide what happens to others.
 *
 * <pre>{@code
 * pooled = sum of min(v, limit) degrees / sum of degrees
 * limit  = max(least, widest pooled), the smallest that agrees with itself
 * }</pre>
 *
 * <p>Where so many devices vary so much that no limit does, they are what the fleet is like, and
 * all count in full. Devices are told apart by the power of two of their variance.
 */
final class Noise {
  // Below this many learning windows, memory cannot be told from noise: all of it counts as memory.
  private static final int WINDOWS_FOR_MEMORY = 8;

  // Up to powers of two from 2^-BINS to 1: statistics are positions and shares.
  private static final int BINS = 24;

  private final Sums[] sums;
  // What a limit is made of; of each statistic, and infinite where devices count in full.
  private final double[] least;
  private final double widest;
  private final int learningWindows;
  private final int terms;
  // What is pooled of them, where it is not stale.
  private final double[] variance;
  private final double[] baselineVariance;
  private final BitSet stale = new BitSet();

  /** Of one statistic; arrays by the size of a device's variance. */
  private static final class Sums {
    private final double[] squares = new double[BINS];
    private final double[] freedom = new double[BINS];
    private final double[] steps = new double[BINS];
    private final double[] stepCount = new double[BINS];

    void add(double squareSum, double degrees, double stepSum, double stepped) {
      int bin =
          degrees > 0
              ? Math.clamp(Math.getExponent(squareSum / degrees) + BINS + 0L, 0, BINS - 1)
              : 0;
      squares[bin] += squareSum;
      freedom[bin] += degrees;
      steps[bin] += stepSum;
      stepCount[bin] += stepped;
    }

    double variance(int bin) {
      return freedom[bin] > 0 ? squares[bin] / freedom[bin] : 0;
    }

    double limit(double least, double widest) {
      double all = Arrays.stream(freedom).sum();
      double below = 0;
      double above = all;
      double limit = least;
      for (int bin = 0; bin < BINS; bin++) {
        below += squares[bin];
        above -= freedom[bin];
        int next = bin + 1;
        while (next < BINS && freedom[next] == 0) {
          next++;
        }
        // With all above at the limit: limit = widest (below + limit above) / all.
        double rest = all - widest * above;
        limit = rest > 0 ? Math.max(least, widest * below / rest) : Double.POSITIVE_INFINITY;
        if (next == BINS || limit < variance(next)) {
          return limit;
        }
      }
      return limit;
    }

    double share(int bin, double limit) {
      double variance = variance(bin);
      return variance > limit ? limit / variance : 1;
    }
  }

  /** Of devices that all count in full. */
  Noise(int statistics, int learningWindows, int terms) {
    this(learningWindows, terms, 1, unlimited(statistics));
  }

  /**
   * Of devices that count for as much as they may say.
   *
   * @param widest square of the deviations at which one's say is clipped
   * @param least of each statistic, the square of what one may always say
   */
  Noise(int learningWindows, int terms, double widest, double[] least) {
    this.sums = new Sums[least.length];
    Arrays.setAll(sums, statistic -> new Sums());
    this.least = least.clone();
    this.widest = widest;
    this.learningWindows = learningWindows;
    this.terms = terms;
    this.variance = new double[sums.length];
    this.baselineVariance = new double[sums.length];
    stale.set(0, sums.length);
  }

  private static double[] unlimited(int statistics) {
    double[] least = new double[statistics];
    Arrays.fill(least, Double.POSITIVE_INFINITY);
    return least;
  }

  void add(int statistic, double squareSum, double degrees, double stepSum, double stepped) {
    if (squareSum >= 0 && stepSum >= 0) {
      sums[statistic].add(squareSum, degrees, stepSum, stepped);
      stale.set(statistic);
    }
  }

  void write(StateWriter to) {
    for (Sums one : sums) {
      int bins = 0;
      for (int bin = 0; bin < BINS; bin++) {
        bins += one.freedom[bin] > 0 ? 1 : 0;
      }
      to.putInt(bins);
      for (int bin = 0; bin < BINS; bin++) {
        if (one.freedom[bin] > 0) {
          to.putInt(bin);
          to.putDouble(one.squares[bin]);
          to.putDouble(one.freedom[bin]);
          to.putDouble(one.steps[bin]);
          to.putDouble(one.stepCount[bin]);
        }
      }
    }
  }

  void read(StateReader from, int format) {
    stale.set(0, sums.length);
    if (format <= DriftLedger.STATE_FORMAT_POOLED) {
      readPooled(from);
      return;
    }
    for (Sums one : sums) {
      for (int left = from.getCount(BINS); left > 0; left--) {
        int bin = from.getCount(BINS - 1);
        one.squares[bin] = from.getDouble();
        one.freedom[bin] = from.getDouble();
        one.steps[bin] = from.getDouble();
        one.stepCount[bin] = from.getDouble();
      }
    }
  }

  // All devices together are as one that varies as they do on average.
  private void readPooled(StateReader from) {
    double[][] pooled = new double[4][sums.length];
    for (double[] row : pooled) {
      from.getDoubles(row);
    }
    for (int s = 0; s < sums.length; s++) {
      sums[s].add(pooled[0][s], pooled[1][s], pooled[2][s], pooled[3][s]);
    }
  }

  boolean isKnown(int statistic) {
    for (double degrees : sums[statistic].freedom) {
      if (degrees > 0) {
        return true;
      }
    }
    return false;
  }

  private void pool(int statistic) {
    if (!stale.get(statistic)) {
      return;
    }
    Sums of = sums[statistic];
    double limit = of.limit(least[statistic], widest);
    double squares = 0;
    double freedom = 0;
    double steps = 0;
    double stepCount = 0;
    for (int bin = 0; bin < BINS; bin++) {
      double share = of.share(bin, limit);
      squares += share * of.squares[bin];
      freedom += of.freedom[bin];
      steps += share * of.steps[bin];
      stepCount += of.stepCount[bin];
    }
    double pooled = freedom > 0 ? squares / freedom : 1;
    double handedOn = memory(pooled, stepCount < 1 ? Double.NaN : steps / stepCount, of);
    double independent = Math.max(1, learningWindows * (1 - handedOn) / (1 + handedOn));
    variance[statistic] = pooled;
    baselineVariance[statistic] = pooled * Math.min(1, terms / independent + handedOn);
    stale.clear(statistic);
  }

  // The share of the variance that one window hands on to the next, 0 to 1.
  private double memory(double variance, double stepMean, Sums of) {
    if (learningWindows < WINDOWS_FOR_MEMORY || Double.isNaN(stepMean)) {
      return 1;
    }
    if (variance <= 0) {
      return 0;
    }
    // Short series look less alike than they are, by about this much.
    double bias = (terms + 2.0) / learningWindows;
    double alike = 1 - stepMean / (2 * variance);
    double stepped = Arrays.stream(of.stepCount).sum();
    return Math.clamp(alike < 2 / Math.sqrt(stepped) ? 0 : alike + bias, 0, 1);
  }

  double variance(int statistic) {
    pool(statistic);
    return variance[statistic];
  }

  /**
   * The variance of the mean that remains of a device's baseline: its own error, and what of the
   * present lasts so long that it is no new evidence.
   */
  double baselineVariance(int statistic) {
    pool(statistic);
    return baselineVariance[statistic];
  }
}
