package io.skerry.telemetry.drift;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a device is like by itself: the mean of each statistic over its learning windows and, where
 * there is a season, its course through it as two harmonics.
 *
 * <pre>{@code
 * b(t) = mean + sum over k = 1, 2 of  a_k cos(2 pi k t / P) + c_k sin(2 pi k t / P)
 * }</pre>
 *
 * <p>Over whole seasons the terms are orthogonal, so that running sums are enough to fit them.
 */
final class Baseline {
  static final int HARMONICS = 2;

  private final int from;
  private final int to;
  private final int season;
  // Mean, then per harmonic cosine and sine, each a row; sums while learning.
  private final float[][] terms;
  private @Nullable Learning learning;
  private long lastWindow = Long.MIN_VALUE;
  private int windows;

  /** What is only needed until the baseline is settled; rows per statistic. */
  private static final class Learning {
    private final float[] count;
    private final float[] squares;
    private final float[] previous;
    private final float[] steps;
    private final float[] stepCount;

    Learning(int statistics) {
      count = new float[statistics];
      squares = new float[statistics];
      previous = new float[statistics];
      steps = new float[statistics];
      stepCount = new float[statistics];
      Arrays.fill(previous, Float.NaN);
    }
  }

  /** Of the statistics from one to another. */
  Baseline(int from, int to, int season) {
    this.from = from;
    this.to = to;
    this.season = season;
    this.terms = new float[season > 1 ? 1 + 2 * HARMONICS : 1][to - from];
    this.learning = new Learning(to - from);
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
    if (window != lastWindow + 1) {
      Arrays.fill(sums.previous, Float.NaN);
    }
    float[] factors = new float[terms.length];
    for (int term = 0; term < terms.length; term++) {
      factors[term] = factor(term, window);
    }
    for (int i = 0; i < to - from; i++) {
      float value = row[from + i];
      float step = value - sums.previous[i];
      sums.previous[i] = value;
      if (Float.isNaN(value)) {
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
      }
    }
    lastWindow = window;
    if (++windows >= enough) {
      settle(sums, enough, noise);
    }
  }

  // What was seen in less than half of the windows has no baseline.
  private void settle(Learning sums, int enough, Noise noise) {
    for (int i = 0; i < to - from; i++) {
      float count = sums.count[i];
      if (count < Math.max(2, enough / 2)) {
        terms[0][i] = Float.NaN;
        continue;
      }
      double rest = sums.squares[i];
      double seasonal = 0;
      for (int term = 0; term < terms.length; term++) {
        terms[term][i] *= (term == 0 ? 1 : 2) / count;
        double square = (double) terms[term][i] * terms[term][i];
        rest -= (term == 0 ? count : count / 2) * square;
        // The mean square of a step of this harmonic.
        seasonal += term == 0 ? 0 : square * (1 - Math.cos(2 * Math.PI * harmonic(term) / season));
      }
      noise.add(
          from + i,
          Math.max(0, rest),
          Math.max(1, count - terms.length),
          Math.max(0, sums.steps[i] - sums.stepCount[i] * seasonal),
          sums.stepCount[i]);
    }
    learning = null;
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
