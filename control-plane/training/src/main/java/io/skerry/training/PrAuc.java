package io.skerry.training;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Area under precision over recall, as average precision: {@code Σ (rₙ − rₙ₋₁) · pₙ} over distinct
 * scores from the highest down.
 */
final class PrAuc {
  private static final int RESAMPLES = 400;

  private PrAuc() {}

  /** With the percentile interval of a bootstrap over examples from this seed. */
  static Interval interval(Scores scores, long seed) {
    int[] order = scores.descending();
    int[] once = new int[order.length];
    Arrays.fill(once, 1);
    double[] resampled = new double[RESAMPLES];
    SplittableRandom random = new SplittableRandom(seed);
    for (int resample = 0; resample < RESAMPLES; resample++) {
      int[] times = new int[order.length];
      for (int i = 0; i < times.length; i++) {
        times[random.nextInt(times.length)]++;
      }
      resampled[resample] = averagePrecision(scores, order, times);
    }
    Arrays.sort(resampled);
    return new Interval(
        averagePrecision(scores, order, once),
        resampled[(int) (0.025 * RESAMPLES)],
        resampled[(int) (0.975 * RESAMPLES)]);
  }

  private static double averagePrecision(Scores scores, int[] order, int[] times) {
    long positives = 0;
    for (int i = 0; i < order.length; i++) {
      positives += scores.label(i) ? times[i] : 0;
    }
    if (positives == 0) {
      return 0;
    }
    long seen = 0;
    long hits = 0;
    double sum = 0;
    int i = 0;
    while (i < order.length) {
      float score = scores.score(order[i]);
      long hitsBefore = hits;
      while (i < order.length && scores.score(order[i]) == score) {
        seen += times[order[i]];
        hits += scores.label(order[i]) ? times[order[i]] : 0;
        i++;
      }
      if (hits > hitsBefore) {
        sum += (double) (hits - hitsBefore) / positives * hits / seen;
      }
    }
    return sum;
  }
}
