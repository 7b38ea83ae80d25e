package io.skerry.packager.calibrate;

import java.util.Locale;

/** Which part of what a tensor was seen to hold its integers can say; the rest is clipped. */
public enum Clipping {
  /** Everything seen. */
  MIN_MAX {
    @Override
    public Range range(Histogram seen) {
      return seen.full();
    }
  },

  /** All but the outermost 0.001 % at each end. */
  PERCENTILE {
    @Override
    public Range range(Histogram seen) {
      return within(seen, CUT_PER_END);
    }
  },

  /**
   * The part whose 256 steps leave the distribution closest to what was seen, by the
   * Kullback-Leibler divergence.
   */
  ENTROPY {
    @Override
    public Range range(Histogram seen) {
      return best(seen, Clipping::divergence);
    }
  },

  /** The part with the least mean squared error, of rounding and clipping together. */
  MSE {
    @Override
    public Range range(Histogram seen) {
      return best(seen, Clipping::squaredError);
    }
  };

  private static final double CUT_PER_END = 1e-5;
  private static final int LEVELS = 256;

  /** Shares of the full range that are tried; clipping more than half never paid. */
  private static final int SHARES = 64;

  private static final double SHARE_MIN = 0.4;
  private static final double TINY = 1e-12;

  private interface Loss {
    double of(Histogram seen, double low, double high);
  }

  /** The chosen part. */
  public abstract Range range(Histogram seen);

  /** As reports write it. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static Range within(Histogram seen, double sharePerEnd) {
    double cut = seen.total() * sharePerEnd;
    int first = seen.firstBin();
    int last = seen.lastBin();
    for (long count = seen.count(first); first < last && count <= cut; ) {
      count += seen.count(++first);
    }
    for (long count = seen.count(last); last > first && count <= cut; ) {
      count += seen.count(--last);
    }
    Range full = seen.full();
    return new Range(
        (float) Math.max(full.minimum(), seen.edge(first)),
        (float) Math.min(full.maximum(), seen.edge(last + 1)));
  }

  /** Both ends move inwards together: the one that holds less is reached by its own data first. */
  private static Range best(Histogram seen, Loss loss) {
    Range full = seen.full();
    double low = Math.min(0, full.minimum());
    double high = Math.max(0, full.maximum());
    if (high - low <= 0) {
      return full;
    }
    double bestLow = low;
    double bestHigh = high;
    double least = Double.POSITIVE_INFINITY;
    double reach = Math.max(-low, high);
    for (int i = 0; i < SHARES; i++) {
      double limit = reach * (1 - i * (1 - SHARE_MIN) / SHARES);
      double triedLow = Math.max(low, -limit);
      double triedHigh = Math.min(high, limit);
      double value = loss.of(seen, triedLow, triedHigh);
      if (value < least) {
        least = value;
        bestLow = triedLow;
        bestHigh = triedHigh;
      }
    }
    return new Range((float) bestLow, (float) bestHigh);
  }

  private static double squaredError(Histogram seen, double low, double high) {
    double step = (high - low) / (LEVELS - 1);
    double sum = 0;
    for (int bin = seen.firstBin(), last = seen.lastBin(); bin <= last; bin++) {
      long count = seen.count(bin);
      if (count == 0) {
        continue;
      }
      double value = (seen.edge(bin) + seen.edge(bin + 1)) / 2;
      double clipped = Math.max(low, Math.min(high, value));
      double error = value - clipped;
      // Of what is not clipped, the rounding error is spread evenly over a step.
      sum += count * (error == 0 ? step * step / 12 : error * error);
    }
    return sum;
  }

  /**
   * Of the clipped distribution from its own 256 levels, each level's count spread over its bins.
   */
  private static double divergence(Histogram seen, double low, double high) {
    int first = seen.firstBin();
    int last = seen.lastBin();
    double[] inside = new double[Histogram.BINS];
    double[] levels = new double[LEVELS];
    int[] binsOfLevel = new int[LEVELS];
    double step = (high - low) / (LEVELS - 1);
    int lowBin = first;
    int highBin = last;
    while (lowBin < last && seen.edge(lowBin + 1) <= low) {
      lowBin++;
    }
    while (highBin > lowBin && seen.edge(highBin) >= high) {
      highBin--;
    }
    for (int bin = first; bin <= last; bin++) {
      inside[Math.max(lowBin, Math.min(highBin, bin))] += seen.count(bin);
    }
    for (int bin = lowBin; bin <= highBin; bin++) {
      int level = level(seen, bin, low, step);
      levels[level] += seen.count(bin);
      binsOfLevel[level] += inside[bin] > 0 ? 1 : 0;
    }
    double divergence = 0;
    for (int bin = lowBin; bin <= highBin; bin++) {
      if (inside[bin] > 0) {
        int level = level(seen, bin, low, step);
        double spread = levels[level] / binsOfLevel[level];
        double p = inside[bin] / seen.total();
        double q = Math.max(TINY, spread / seen.total());
        divergence += p * Math.log(p / q);
      }
    }
    return divergence;
  }

  private static int level(Histogram seen, int bin, double low, double step) {
    double value = (seen.edge(bin) + seen.edge(bin + 1)) / 2;
    return (int) Math.max(0, Math.min(LEVELS - 1, Math.rint((value - low) / step)));
  }
}
