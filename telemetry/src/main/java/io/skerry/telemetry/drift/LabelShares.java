package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.List;

/**
 * Three views of the classes: what is predicted, what actually was, and what training knew. Where
 * predicted and actual part from training together, the world has changed; where only predicted
 * does, the model has lost its way.
 *
 * @param classes in their order
 */
public record LabelShares(List<Share> classes) {
  /**
   * One class.
   *
   * @param predicted share among predictions
   * @param actual share among known outcomes, weighted by one over their inclusion probability
   * @param training share in the training data; NaN where that is not known
   * @param shift of the actual share from training, its interval of both; NaN where not known
   */
  public record Share(Estimate predicted, Estimate actual, double training, Estimate shift) {
    /** Whether what was differs from training by more than a tolerance, beyond its uncertainty. */
    public boolean hasDrifted(double tolerance) {
      return shift.low() > tolerance || -shift.high() > tolerance;
    }
  }

  /** Weights of one device, per class. */
  public record DeviceShares(List<Double> predicted, List<Double> actual) {
    public DeviceShares {
      predicted = List.copyOf(predicted);
      actual = List.copyOf(actual);
    }
  }

  /**
   * Compares.
   *
   * @param training counts per class; all 0 where they are not known
   * @throws IllegalArgumentException if a device has another number of classes
   */
  public static LabelShares of(List<DeviceShares> devices, List<Long> training) {
    double all = training.stream().mapToLong(Long::longValue).sum();
    for (DeviceShares one : devices) {
      if (one.predicted().size() != training.size() || one.actual().size() != training.size()) {
        throw new IllegalArgumentException(
            "%d predicted and %d actual classes of %d"
                .formatted(one.predicted().size(), one.actual().size(), training.size()));
      }
    }
    List<Share> shares = new ArrayList<>();
    for (int i = 0; i < training.size(); i++) {
      int at = i;
      double known = all == 0 ? Double.NaN : training.get(i) / all;
      Estimate actual =
          Ratio.of(devices, one -> one.actual().get(at), one -> sum(one.actual())).estimate();
      shares.add(
          new Share(
              Ratio.of(devices, one -> one.predicted().get(at), one -> sum(one.predicted()))
                  .estimate(),
              actual,
              known,
              shift(actual, known, all)));
    }
    return new LabelShares(List.copyOf(shares));
  }

  // The distances to the bounds add up in squares, as of two independent shares.
  private static Estimate shift(Estimate actual, double training, double rows) {
    double half = Estimate.Z * Math.sqrt(training * (1 - training) / rows);
    double shift = actual.value() - training;
    return new Estimate(
        shift,
        shift - Math.hypot(actual.value() - actual.low(), half),
        shift + Math.hypot(actual.high() - actual.value(), half));
  }

  private static double sum(List<Double> weights) {
    return weights.stream().mapToDouble(Double::doubleValue).sum();
  }
}
