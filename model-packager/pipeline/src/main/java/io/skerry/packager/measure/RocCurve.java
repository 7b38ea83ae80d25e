package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The area under a ROC curve with what each item contributes to it.
 *
 * @see <a href="https://doi.org/10.2307/2531595">DeLong et al. 1988</a>
 */
final class RocCurve {
  private final double area;
  private final double[] positives;
  private final double[] negatives;

  private RocCurve(double area, double[] positives, double[] negatives) {
    this.area = area;
    this.positives = positives;
    this.negatives = negatives;
  }

  /**
   * The curve of these scores; equal scores count half.
   *
   * @throws IllegalArgumentException if there is one class only
   */
  static RocCurve of(Outputs outputs, Labels labels) {
    int[] all = order(outputs, IntStream.range(0, labels.count()).toArray());
    int[] up = IntStream.range(0, labels.count()).filter(i -> labels.at(i) == 1).toArray();
    int[] down = IntStream.range(0, labels.count()).filter(i -> labels.at(i) != 1).toArray();
    if (up.length == 0 || down.length == 0) {
      throw new IllegalArgumentException("labels are of one class only");
    }
    double[] ranks = ranks(outputs, all, labels.count());
    double[] own = new double[labels.count()];
    for (int[] part : new int[][] {up, down}) {
      double[] partRanks = ranks(outputs, order(outputs, part), labels.count());
      for (int item : part) {
        own[item] = partRanks[item];
      }
    }
    double[] positives =
        Arrays.stream(up).mapToDouble(i -> (ranks[i] - own[i]) / down.length).toArray();
    double[] negatives =
        Arrays.stream(down).mapToDouble(i -> 1 - (ranks[i] - own[i]) / up.length).toArray();
    return new RocCurve(Arrays.stream(positives).average().orElse(0), positives, negatives);
  }

  private static int[] order(Outputs outputs, int[] items) {
    return Arrays.stream(items)
        .boxed()
        .sorted(Comparator.comparingDouble(outputs::score))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Ranks from 1 by item; items of equal score share their mean rank. */
  private static double[] ranks(Outputs outputs, int[] order, int items) {
    double[] ranks = new double[items];
    for (int first = 0; first < order.length; ) {
      int last = first;
      while (last + 1 < order.length
          && outputs.score(order[last + 1]) == outputs.score(order[first])) {
        last++;
      }
      for (int i = first; i <= last; i++) {
        ranks[order[i]] = (first + last) / 2.0 + 1;
      }
      first = last + 1;
    }
    return ranks;
  }

  double area() {
    return area;
  }

  double standardError() {
    return Math.sqrt(
        variance(positives, positives) / positives.length
            + variance(negatives, negatives) / negatives.length);
  }

  /** Of the difference of two areas over the same items. */
  double standardError(RocCurve other) {
    double up =
        variance(positives, positives)
            + variance(other.positives, other.positives)
            - 2 * variance(positives, other.positives);
    double down =
        variance(negatives, negatives)
            + variance(other.negatives, other.negatives)
            - 2 * variance(negatives, other.negatives);
    return Math.sqrt(Math.max(0, up / positives.length + down / negatives.length));
  }

  private static double variance(double[] a, double[] b) {
    double meanA = Arrays.stream(a).average().orElse(0);
    double meanB = Arrays.stream(b).average().orElse(0);
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - meanA) * (b[i] - meanB);
    }
    return sum / Math.max(1, a.length - 1);
  }
}
