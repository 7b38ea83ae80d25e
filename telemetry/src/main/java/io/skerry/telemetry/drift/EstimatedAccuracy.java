package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.List;

/**
 * Accuracy without labels, from score bins alone: what the calibrated scores let expect (CBPE).
 *
 * <pre>{@code
 * TP = sum over bins at or above the threshold of c_b p_b      FN = sum below of c_b p_b
 * accuracy = sum c_b (p_b or 1 - p_b) / sum c_b                balanced = (TP / P + TN / N) / 2
 * AUC from the cumulative sums of c_b p_b and c_b (1 - p_b)
 * }</pre>
 *
 * <p>Intervals hold the spread between devices, the unit here, and what the calibration rests on.
 * Blind to concept change: when the same input means something else, no score says so.
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
   * Estimates.
   *
   * @param devices per device its counts of the score's 64 bins
   * @param threshold the score from which a prediction is positive
   * @throws IllegalArgumentException if a row has another number of bins or nothing was counted
   */
  public static EstimatedAccuracy of(
      List<long[]> devices, Calibration calibration, double threshold) {
    double[] all = new double[Calibration.BINS];
    for (long[] row : devices) {
      if (row.length != Calibration.BINS) {
        throw new IllegalArgumentException(
            "%d score bins, not %d".formatted(row.length, Calibration.BINS));
      }
      for (int bin = 0; bin < row.length; bin++) {
        all[bin] += row[bin];
      }
    }
    double total = sum(all);
    if (total == 0) {
      throw new IllegalArgumentException("no score was counted");
    }
    int first = (int) Math.ceil(threshold * Calibration.BINS - 1e-9);
    double accuracy = accuracy(all, calibration, first);
    double balanced = balanced(all, calibration, first);
    double auc = auc(all, calibration);
    double fromCalibration = 0;
    for (int bin = 0; bin < Calibration.BINS; bin++) {
      // Errors of the bins of one level go together: their shares are added before squaring.
      fromCalibration += all[bin] / total * Math.sqrt(calibration.variance(bin));
    }
    double ofCalibration = calibration.outcomes() == 0 ? .5 : fromCalibration;
    List<double[]> leftOut = new ArrayList<>();
    for (long[] row : devices) {
      double[] without = all.clone();
      for (int bin = 0; bin < row.length; bin++) {
        without[bin] -= row[bin];
      }
      if (sum(without) > 0) {
        leftOut.add(
            new double[] {
              accuracy(without, calibration, first),
              balanced(without, calibration, first),
              auc(without, calibration)
            });
      }
    }
    return new EstimatedAccuracy(
        estimate(accuracy, leftOut, 0, ofCalibration),
        estimate(balanced, leftOut, 1, ofCalibration),
        estimate(auc, leftOut, 2, ofCalibration),
        (long) total,
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

  private static double sum(double[] counts) {
    double sum = 0;
    for (double count : counts) {
      sum += count;
    }
    return sum;
  }

  private static double accuracy(double[] counts, Calibration calibration, int first) {
    double right = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      double p = calibration.probability(bin);
      right += counts[bin] * (bin >= first ? p : 1 - p);
    }
    return right / sum(counts);
  }

  private static double balanced(double[] counts, Calibration calibration, int first) {
    double positives = 0;
    double negatives = 0;
    double truePositives = 0;
    double trueNegatives = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      double p = calibration.probability(bin);
      positives += counts[bin] * p;
      negatives += counts[bin] * (1 - p);
      if (bin >= first) {
        truePositives += counts[bin] * p;
      } else {
        trueNegatives += counts[bin] * (1 - p);
      }
    }
    return positives == 0 || negatives == 0
        ? accuracy(counts, calibration, first)
        : (truePositives / positives + trueNegatives / negatives) / 2;
  }

  private static double auc(double[] counts, Calibration calibration) {
    double positives = 0;
    double negatives = 0;
    double area = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      double p = calibration.probability(bin);
      double inPositives = counts[bin] * p;
      double inNegatives = counts[bin] * (1 - p);
      area += inPositives * (negatives + inNegatives / 2);
      positives += inPositives;
      negatives += inNegatives;
    }
    return positives == 0 || negatives == 0 ? .5 : area / positives / negatives;
  }
}
