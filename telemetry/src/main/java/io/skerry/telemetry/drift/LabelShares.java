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
   * @param training share in the training data
   */
  public record Share(Estimate predicted, Estimate actual, double training) {
    /** Whether what was differs from training by more than a tolerance, beyond its uncertainty. */
    public boolean hasDrifted(double tolerance) {
      return actual.low() - training > tolerance || training - actual.high() > tolerance;
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
   * @param training counts per class
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
      shares.add(
          new Share(
              Ratio.of(devices, one -> one.predicted().get(at), one -> sum(one.predicted()))
                  .estimate(),
              Ratio.of(devices, one -> one.actual().get(at), one -> sum(one.actual())).estimate(),
              all == 0 ? 0 : training.get(i) / all));
    }
    return new LabelShares(List.copyOf(shares));
  }

  private static double sum(List<Double> weights) {
    return weights.stream().mapToDouble(Double::doubleValue).sum();
  }
}
