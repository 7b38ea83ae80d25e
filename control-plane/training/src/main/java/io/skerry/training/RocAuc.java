package io.skerry.training;

import java.util.Arrays;

/**
 * Area under the receiver operating characteristic: the probability that a positive scores above a
 * negative, ties counted half.
 *
 * @see <a href="https://doi.org/10.2307/2531595">DeLong, DeLong and Clarke-Pearson 1988</a>
 * @see <a href="https://doi.org/10.1109/LSP.2014.2337313">Sun and Xu 2014, by midranks</a>
 */
final class RocAuc {
  private RocAuc() {}

  /**
   * With DeLong's interval. Examples count as independent; windows of one machine are not, so the
   * true interval is wider.
   */
  static Interval interval(Scores scores) {
    float[] positive = of(scores, true);
    float[] negative = of(scores, false);
    if (positive.length == 0 || negative.length == 0) {
      throw new IllegalArgumentException("ROC AUC needs both classes");
    }
    float[] all = new float[positive.length + negative.length];
    System.arraycopy(positive, 0, all, 0, positive.length);
    System.arraycopy(negative, 0, all, positive.length, negative.length);
    Arrays.sort(all);
    double[] ofPositive = shareBelow(positive, all, negative.length);
    double[] ofNegative = shareBelow(negative, all, positive.length);
    double area = mean(ofPositive);
    double variance =
        variance(ofPositive) / positive.length + variance(ofNegative) / negative.length;
    return Interval.ofShare(area, Math.sqrt(variance));
  }

  private static float[] of(Scores scores, boolean label) {
    float[] chosen = new float[scores.count()];
    int count = 0;
    for (int i = 0; i < scores.count(); i++) {
      if (scores.label(i) == label) {
        chosen[count++] = scores.score(i);
      }
    }
    float[] sorted = Arrays.copyOf(chosen, count);
    Arrays.sort(sorted);
    return sorted;
  }

  /** For each score of a class: the share of the other class below it, ties counted half. */
  private static double[] shareBelow(float[] sorted, float[] all, int others) {
    double[] own = midranks(sorted, sorted);
    double[] overall = midranks(sorted, all);
    double[] share = new double[sorted.length];
    for (int i = 0; i < sorted.length; i++) {
      share[i] = (overall[i] - own[i]) / others;
    }
    return share;
  }

  /** The mean rank in {@code all}, from 1, of those values that equal each of {@code sorted}. */
  private static double[] midranks(float[] sorted, float[] all) {
    double[] ranks = new double[sorted.length];
    int below = 0;
    int upTo = 0;
    for (int i = 0; i < sorted.length; i++) {
      while (below < all.length && all[below] < sorted[i]) {
        below++;
      }
      upTo = Math.max(upTo, below);
      while (upTo < all.length && all[upTo] <= sorted[i]) {
        upTo++;
      }
      ranks[i] = (below + 1 + upTo) / 2.0;
    }
    return ranks;
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }

  private static double variance(double[] values) {
    if (values.length < 2) {
      return 0;
    }
    double mean = mean(values);
    return Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum()
        / (values.length - 1);
  }
}
