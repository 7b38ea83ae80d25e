package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Accuracy without labels, from score bins alone: what the calibrated scores let expect (CBPE).
 *
 * <pre>{@code
 * TP = sum over bins at or above the threshold of c_b p_b      FN = sum below of c_b p_b
 * accuracy = sum c_b (p_b or 1 - p_b) / sum c_b                balanced = (TP / P + TN / N) / 2
 * the threshold's own bin counts on both sides, by the part of its width that lies on each
 * AUC from the cumulative sums of c_b p_b and c_b (1 - p_b)
 * }</pre>
 *
 * <p>Intervals hold the spread between devices, the unit here, and what the calibration rests on. A
 * device that floods counts for four others at most ({@link DeviceShare}). Blind to concept change:
 * when the same input means something else, no score says so.
 *
 * @param accuracy of all predictions
 * @param balanced mean of the accuracies within each class
 * @param auc area under the ROC curve
 * @param predictions counted
 * @param devices they came from
 * @see <a href="https://arxiv.org/abs/2505.05295">Kivimäki et al.: CBPE with intervals</a>
 */
public record EstimatedAccuracy(
    Estimate accuracy, Estimate balanced, Estimate auc, long predictions, int devices) {

  /**
   * Scores of one device and what they are calibrated by.
   *
   * @param counts of the score's 64 bins
   */
  public record Scored(List<Long> counts, Calibration calibration) {
    /**
     * Checks the counts.
     *
     * @throws IllegalArgumentException if there is another number of bins
     */
    public Scored {
      counts = List.copyOf(counts);
      if (counts.size() != Calibration.BINS) {
        throw new IllegalArgumentException(
            "%d score bins, not %d".formatted(counts.size(), Calibration.BINS));
      }
    }

    double total() {
      return counts.stream().mapToLong(Long::longValue).sum();
    }

    Scored capped(double limit) {
      long[] row = counts.stream().mapToLong(Long::longValue).toArray();
      long[] capped = DeviceShare.capped(row, limit);
      return capped == row ? this : new Scored(Arrays.stream(capped).boxed().toList(), calibration);
    }
  }

  /**
   * Estimates.
   *
   * @param devices per device its counts of the score's 64 bins
   * @param threshold the score from which a prediction is positive
   * @throws IllegalArgumentException if a row has another number of bins or nothing was counted
   */
  public static EstimatedAccuracy of(
      List<long[]> devices, Calibration calibration, double threshold) {
    return of(
        devices.stream()
            .map(row -> new Scored(Arrays.stream(row).boxed().toList(), calibration))
            .toList(),
        threshold);
  }

  /**
   * Estimates; devices may be calibrated differently.
   *
   * @param threshold the score from which a prediction is positive
   * @throws IllegalArgumentException if nothing was counted
   */
  public static EstimatedAccuracy of(List<Scored> devices, double threshold) {
    return of(devices, threshold * Calibration.BINS, false);
  }

  /**
   * Estimates what a model of several classes gets right, from how sure it is of the class that it
   * names: calibrated, a confidence is the probability of being right. The balanced accuracy is not
   * known so, and is the accuracy; the area under the curve is how well confidence tells right from
   * wrong.
   *
   * @param devices scores are confidences, outcomes were positive when the class was right
   * @throws IllegalArgumentException if nothing was counted
   */
  public static EstimatedAccuracy ofConfidence(List<Scored> devices) {
    return of(devices, 0, true);
  }

  /**
   * Accuracy from counts that are no device's but all devices' of a version and profile together.
   *
   * <pre>{@code
   * r = p_b or 1 - p_b      variance = sum c_b r (1 - r) / (sum c_b)^2 + (sum c_b sd(p_b) / sum c_b)^2
   * }</pre>
   *
   * @param scores of versions that score the positive class
   * @param confidences of versions that name a class
   * @param threshold the score from which a prediction is positive
   * @return with an interval that holds the chance of outcomes and what the calibrations rest on:
   *     how devices differ, the counts do not say
   * @throws IllegalArgumentException if nothing was counted
   */
  public static Estimate ofSums(List<Scored> scores, List<Scored> confidences, double threshold) {
    Sums sums = new Sums();
    double first = threshold * Calibration.BINS;
    scores.forEach(one -> sums.add(one, first));
    confidences.forEach(one -> sums.add(one, 0));
    if (sums.total == 0) {
      throw new IllegalArgumentException("no score was counted");
    }
    double ofCalibration = sums.deviations / sums.total;
    return Estimate.around(
            sums.right / sums.total,
            Math.sqrt(sums.chance / sums.total / sums.total + ofCalibration * ofCalibration))
        .within(0, 1);
  }

  // The part of a bin that is positive.
  private static double above(int bin, double first) {
    return Math.clamp(bin + 1 - first, 0, 1);
  }

  private static final class Sums {
    private double total;
    private double right;
    private double chance;
    private double deviations;

    void add(Scored one, double first) {
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        double count = one.counts().get(bin);
        double positive = one.calibration().probability(bin);
        double above = above(bin, first);
        double comesTrue = above * positive + (1 - above) * (1 - positive);
        total += count;
        right += count * comesTrue;
        chance += count * comesTrue * (1 - comesTrue);
        deviations += count * Math.sqrt(one.calibration().variance(bin));
      }
    }
  }

  /** Expected positives and negatives, by bin. */
  private static final class Expected {
    private final double[] positive = new double[Calibration.BINS];
    private final double[] negative = new double[Calibration.BINS];

    static Expected of(Scored device) {
      Expected expected = new Expected();
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        double p = device.calibration().probability(bin);
        expected.positive[bin] = device.counts().get(bin) * p;
        expected.negative[bin] = device.counts().get(bin) * (1 - p);
      }
      return expected;
    }

    void add(Expected other, int sign) {
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        positive[bin] += sign * other.positive[bin];
        negative[bin] += sign * other.negative[bin];
      }
    }

    double total() {
      return sum(positive) + sum(negative);
    }

    /** Accuracy, balanced accuracy, area under the curve; what lies above the first is positive. */
    double[] figures(double first, boolean confidence) {
      double positives = sum(positive);
      double negatives = sum(negative);
      double truePositives = 0;
      double trueNegatives = 0;
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        truePositives += above(bin, first) * positive[bin];
        trueNegatives += (1 - above(bin, first)) * negative[bin];
      }
      double accuracy = (truePositives + trueNegatives) / (positives + negatives);
      double balanced =
          confidence || positives <= 0 || negatives <= 0
              ? accuracy
              : (truePositives / positives + trueNegatives / negatives) / 2;
      return new double[] {accuracy, balanced, auc(positives, negatives)};
    }

    private double auc(double positives, double negatives) {
      double below = 0;
      double area = 0;
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        area += positive[bin] * (below + negative[bin] / 2);
        below += negative[bin];
      }
      return positives <= 0 || negatives <= 0 ? .5 : area / positives / negatives;
    }

    private static double sum(double[] values) {
      return Arrays.stream(values).sum();
    }
  }

  private static EstimatedAccuracy of(List<Scored> all, double first, boolean confidence) {
    double[] counted = all.stream().mapToDouble(Scored::total).toArray();
    double limit = DeviceShare.limit(counted);
    return ofCapped(
        all.stream().map(device -> device.capped(limit)).toList(),
        first,
        confidence,
        Math.round(Arrays.stream(counted).sum()));
  }

  private static EstimatedAccuracy ofCapped(
      List<Scored> devices, double first, boolean confidence, long predictions) {
    List<Expected> rows = devices.stream().map(Expected::of).toList();
    Expected all = new Expected();
    rows.forEach(row -> all.add(row, 1));
    double total = all.total();
    if (total == 0) {
      throw new IllegalArgumentException("no score was counted");
    }
    double[] figures = all.figures(first, confidence);
    // Errors of the bins of one level go together, and so may those of two calibrations: their
    // shares are added before squaring.
    double ofCalibration = 0;
    for (Scored device : devices) {
      for (int bin = 0; bin < Calibration.BINS; bin++) {
        ofCalibration +=
            device.counts().get(bin) / total * Math.sqrt(device.calibration().variance(bin));
      }
    }
    List<double[]> leftOut = new ArrayList<>();
    for (Expected row : rows) {
      all.add(row, -1);
      // What is left of a sum that was taken away is not quite nothing.
      if (all.total() > 1e-6) {
        leftOut.add(all.figures(first, confidence));
      }
      all.add(row, 1);
    }
    return new EstimatedAccuracy(
        estimate(figures[0], leftOut, 0, ofCalibration),
        estimate(figures[1], leftOut, 1, ofCalibration),
        estimate(figures[2], leftOut, 2, ofCalibration),
        predictions,
        devices.size());
  }

  /**
   * Whether this is lower than another by more than a tolerance, beyond the uncertainty of both.
   */
  public boolean isWorseThan(EstimatedAccuracy before, double tolerance) {
    double uncertainty = Math.hypot(balanced.halfWidth(), before.balanced.halfWidth());
    return before.balanced.value() - balanced.value() - uncertainty > tolerance;
  }

  private static Estimate estimate(
      double value, List<double[]> leftOut, int figure, double ofCalibration) {
    int n = leftOut.size();
    double mean = leftOut.stream().mapToDouble(one -> one[figure]).average().orElse(value);
    double squares =
        leftOut.stream().mapToDouble(one -> (one[figure] - mean) * (one[figure] - mean)).sum();
    double jackknife = n < 2 ? .25 : squares * (n - 1) / n;
    return Estimate.around(value, Math.sqrt(jackknife + ofCalibration * ofCalibration))
        .within(0, 1);
  }
}
