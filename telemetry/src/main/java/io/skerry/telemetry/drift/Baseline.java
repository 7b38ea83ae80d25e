package io.skerry.telemetry.drift;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a device is like by itself: the mean of each statistic over its learning windows and, where
 * there is a season, its course through it as two harmonics.
 *
 * <pre>{@code
 * b(t) = mean + sum over k = 1, 2 of  a_k cos(2 pi k t / P) + c_k sin(2 pi k t / P)
 * }</pre>
 *
 * <p>Fitted by least squares, from running sums and from which windows they are of. A device that
 * was away for a window learns from one more instead, so that its windows are no whole seasons and
 * the terms are not orthogonal: taking them for it moves the baselines of all that share a season
 * in the same direction.
 */
final class Baseline {
  static final int HARMONICS = 2;

  // Of the windows, added to the squares of a harmonic: a device that is only there at certain
  // hours shall not be thought to swing wildly at others.
  private static final double RIDGE = 1e-3;

  // Far more than are ever learned from.
  private static final int WINDOWS_MAX = 1 << 14;

  private final int from;
  private final int to;
  private final int season;
  // Mean, then per harmonic cosine and sine, each a row; sums while learning.
  private final float[][] terms;
  // What each statistic varied by while it learned; 0 = not known.
  private final float[] variance;
  private @Nullable Learning learning;
  // Where a state did not tell what they varied by, until that is learned of as many windows.
  private @Nullable Varying varying;
  private int windows;

  /** What is only needed until the baseline is settled; rows per statistic. */
  private static final class Learning {
    private final float[] count;
    private final float[] squares;
    private final float[] previous;
    private final float[] steps;
    private final float[] stepCount;
    private final float[][] stepTerms;
    // In their order. A device learns for days: what a window lacks costs it no more than bits.
    private long[] windows = new long[0];
    // The bit at window * statistics + statistic, counting windows as they are kept.
    private final BitSet missed = new BitSet();
    private float[] factors;

    Learning(int statistics, int terms) {
      count = new float[statistics];
      squares = new float[statistics];
      previous = new float[statistics];
      steps = new float[statistics];
      stepCount = new float[statistics];
      stepTerms = new float[terms][statistics];
      factors = new float[terms];
      Arrays.fill(previous, Float.NaN);
    }

    /** Of the kept windows those that a statistic was missing from. */
    BitSet missedBy(int statistic, int kept) {
      BitSet bits = new BitSet(kept);
      for (int at = 0; at < kept; at++) {
        bits.set(at, missed.get(at * count.length + statistic));
      }
      return bits;
    }
  }

  /** Sums of products of factors over windows, and over steps from one to the next. */
  private static final class Products {
    private final double[][] inverse;
    private final double[][] steps;

    Products(double[][] products, double[][] steps) {
      this.inverse = inverse(products);
      this.steps = steps;
    }
  }

  // Statistics that were missing from the same windows share them.
  private Products products(long[] kept, BitSet missed) {
    double[][] products = new double[terms.length][terms.length];
    double[][] steps = new double[terms.length][terms.length];
    float[] before = new float[terms.length];
    float[] step = new float[terms.length];
    for (int at = 0; at < windows; at++) {
      float[] factors = new float[terms.length];
      for (int term = 0; term < terms.length; term++) {
        factors[term] = factor(term, kept[at]);
        step[term] = factors[term] - before[term];
      }
      before = factors;
      if (missed.get(at)) {
        continue;
      }
      add(products, factors);
      if (at > 0 && kept[at] == kept[at - 1] + 1 && !missed.get(at - 1)) {
        add(steps, step);
      }
    }
    return new Products(products, steps);
  }

  private static void add(double[][] to, float[] factors) {
    for (int i = 0; i < factors.length; i++) {
      for (int j = 0; j < factors.length; j++) {
        to[i][j] += factors[i] * factors[j];
      }
    }
  }

  /** Of the statistics from one to another. */
  Baseline(int from, int to, int season) {
    this.from = from;
    this.to = to;
    this.season = season;
    this.terms = new float[season > 1 ? 1 + 2 * HARMONICS : 1][to - from];
    this.variance = new float[to - from];
    this.learning = new Learning(to - from, terms.length);
  }

  boolean isLearned() {
    return learning == null;
  }

  /** Learns a row; once there are enough windows the baseline is settled and tells its noise. */
  void learn(long window, float[] row, int enough, Noise noise) {
    Learning sums = learning;
    if (sums == null) {
      return;
    }
    boolean follows = windows > 0 && window == sums.windows[windows - 1] + 1;
    if (!follows) {
      Arrays.fill(sums.previous, Float.NaN);
    }
    float[] factors = new float[terms.length];
    float[] stepFactors = new float[terms.length];
    for (int term = 0; term < terms.length; term++) {
      factors[term] = factor(term, window);
      stepFactors[term] = factors[term] - sums.factors[term];
    }
    sums.factors = factors;
    if (windows == sums.windows.length) {
      sums.windows = Arrays.copyOf(sums.windows, Math.max(enough, windows + 1));
    }
    sums.windows[windows] = window;
    for (int i = 0; i < to - from; i++) {
      float value = row[from + i];
      float step = value - sums.previous[i];
      sums.previous[i] = value;
      if (Float.isNaN(value)) {
        sums.missed.set(windows * sums.count.length + i);
        continue;
      }
      sums.count[i]++;
      sums.squares[i] += value * value;
      for (int term = 0; term < terms.length; term++) {
        terms[term][i] += factors[term] * value;
      }
      if (!Float.isNaN(step)) {
        sums.steps[i] += step * step;
        sums.stepCount[i]++;
        for (int term = 1; term < terms.length; term++) {
          sums.stepTerms[term][i] += step * stepFactors[term];
        }
      }
    }
    if (++windows >= enough) {
      settle(sums, enough, noise);
    }
  }

  // What was seen in less than half of the windows has no baseline.
  private void settle(Learning sums, int enough, Noise noise) {
    Map<BitSet, Products> known = new HashMap<>();
    for (int i = 0; i < to - from; i++) {
      float count = sums.count[i];
      if (count < Math.max(2, enough / 2)) {
        terms[0][i] = Float.NaN;
        continue;
      }
      Products products =
          known.computeIfAbsent(
              sums.missedBy(i, windows), missed -> products(sums.windows, missed));
      double[][] inverse = products.inverse;
      double[] amounts = new double[terms.length];
      double rest = sums.squares[i];
      for (int term = 0; term < terms.length; term++) {
        for (int other = 0; other < terms.length; other++) {
          amounts[term] += inverse[term][other] * terms[other][i];
        }
        rest -= amounts[term] * terms[term][i];
      }
      for (int term = 1; term < terms.length; term++) {
        rest -= RIDGE * count * amounts[term] * amounts[term];
      }
      rest = Math.max(0, rest);
      double degrees = Math.max(1, count - terms.length);
      // The squared steps of what is left, and what the fit took off them of the noise.
      double steps = sums.steps[i];
      for (int term = 0; term < terms.length; term++) {
        steps -= 2 * amounts[term] * sums.stepTerms[term][i];
        for (int other = 0; other < terms.length; other++) {
          double both = amounts[term] * amounts[other] + rest / degrees * inverse[term][other];
          steps += both * products.steps[term][other];
        }
        // What was summed up becomes what it amounts to; nothing reads the sums any more.
        terms[term][i] = (float) amounts[term];
      }
      variance[i] = (float) (rest / degrees);
      noise.add(from + i, rest, degrees, Math.max(0, steps), sums.stepCount[i]);
    }
    learning = null;
  }

  // Gauss and Jordan; no pivots, for the matrix is positive definite.
  private static double[][] inverse(double[][] products) {
    int n = products.length;
    double[][] left = new double[n][];
    double[][] right = new double[n][n];
    for (int i = 0; i < n; i++) {
      left[i] = products[i].clone();
      left[i][i] += i == 0 ? 0 : RIDGE * products[0][0];
      right[i][i] = 1;
    }
    for (int pivot = 0; pivot < n; pivot++) {
      double scale = 1 / left[pivot][pivot];
      for (int j = 0; j < n; j++) {
        left[pivot][j] *= scale;
        right[pivot][j] *= scale;
      }
      for (int i = 0; i < n; i++) {
        double factor = i == pivot ? 0 : left[i][pivot];
        for (int j = 0; j < n; j++) {
          left[i][j] -= factor * left[pivot][j];
          right[i][j] -= factor * right[pivot][j];
        }
      }
    }
    return right;
  }

  void write(StateWriter to) {
    to.putInt(windows);
    for (float[] term : terms) {
      to.putFloats(term);
    }
    Learning sums = learning;
    to.putFlag(sums != null);
    if (sums != null) {
      to.putFloats(sums.count);
      to.putFloats(sums.squares);
      to.putFloats(sums.previous);
      to.putFloats(sums.steps);
      to.putFloats(sums.stepCount);
      for (float[] term : sums.stepTerms) {
        to.putFloats(term);
      }
      for (int at = 0; at < windows; at++) {
        to.putLong(sums.windows[at]);
      }
      to.putBits(sums.missed);
      to.putFloats(sums.factors);
    } else {
      to.putFloats(variance);
      Varying since = varying;
      to.putFlag(since != null);
      if (since != null) {
        since.write(to);
      }
    }
  }

  static Baseline read(StateReader from, int format, int first, int until, int season) {
    Baseline read = new Baseline(first, until, season);
    read.windows = from.getCount(WINDOWS_MAX);
    for (float[] term : read.terms) {
      from.getFloats(term);
    }
    if (!from.getFlag()) {
      if (format > DriftLedger.STATE_FORMAT_VARIED) {
        from.getFloats(read.variance);
      } else {
        read.varying = new Varying(until - first, read.windows);
      }
      if (format > DriftLedger.STATE_FORMAT_OFTEN && from.getFlag()) {
        read.varying = Varying.read(from, until - first, WINDOWS_MAX);
      }
      read.learning = null;
      return read;
    }
    Learning sums = new Learning(until - first, read.terms.length);
    from.getFloats(sums.count);
    from.getFloats(sums.squares);
    from.getFloats(sums.previous);
    from.getFloats(sums.steps);
    from.getFloats(sums.stepCount);
    for (float[] term : sums.stepTerms) {
      from.getFloats(term);
    }
    sums.windows = new long[read.windows];
    from.getLongs(sums.windows);
    sums.missed.or(from.getBits(read.windows * (until - first)));
    from.getFloats(sums.factors);
    read.learning = sums;
    return read;
  }

  /** What a statistic of the row varied by while this was learned; 0 = not known. */
  float variance(int statistic) {
    return variance[statistic - from];
  }

  /** Whether a statistic was there too seldom to be learned. */
  boolean lacks(int statistic) {
    return learning == null && Float.isNaN(terms[0][statistic - from]);
  }

  /** Takes this off a row, in place. */
  void subtract(long window, float[] row) {
    for (int term = 0; term < terms.length; term++) {
      float factor = factor(term, window);
      float[] amounts = terms[term];
      for (int i = 0; i < amounts.length; i++) {
        row[from + i] -= factor * amounts[i];
      }
    }
    Varying since = varying;
    if (since != null) {
      since.add(row, from);
      if (since.isOver()) {
        for (int i = 0; i < variance.length; i++) {
          variance[i] = since.variance(i);
        }
        varying = null;
      }
    }
  }

  private static int harmonic(int term) {
    return (term + 1) / 2;
  }

  private float factor(int term, long window) {
    if (term == 0) {
      return 1;
    }
    double angle = 2 * Math.PI * harmonic(term) * Math.floorMod(window, (long) season) / season;
    return (float) (term % 2 == 1 ? StrictMath.cos(angle) : StrictMath.sin(angle));
  }
}
