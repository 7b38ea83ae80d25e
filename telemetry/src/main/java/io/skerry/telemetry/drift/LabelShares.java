package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Collections;
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

  /**
   * What devices counted, device by device: of any number of them, a few sums for each class are
   * kept. Not thread-safe.
   */
  public static final class Sums {
    private final List<Ratio.Sums> predicted = new ArrayList<>();
    private final List<Ratio.Sums> actual = new ArrayList<>();

    public Sums(int classes) {
      for (int i = 0; i < classes; i++) {
        predicted.add(new Ratio.Sums());
        actual.add(new Ratio.Sums());
      }
    }

    /**
     * All that one device predicted, which is the unit: a second call is another device.
     *
     * @param weights by class
     * @throws IllegalArgumentException if it has another number of classes
     */
    public void addPredicted(List<Double> weights) {
      add(weights, predicted);
    }

    /**
     * All that is known of one device's outcomes.
     *
     * @param weights by class, one over the inclusion probability for each outcome
     * @throws IllegalArgumentException if it has another number of classes
     */
    public void addActual(List<Double> weights) {
      add(weights, actual);
    }

    private static void add(List<Double> weights, List<Ratio.Sums> sums) {
      checkClasses(weights.size(), sums.size());
      double all = weights.stream().mapToDouble(Double::doubleValue).sum();
      for (int i = 0; i < sums.size(); i++) {
        sums.get(i).add(weights.get(i), all);
      }
    }

    /**
     * Compares.
     *
     * @param training rows of each class; empty where they are not known
     * @throws IllegalArgumentException if it has another number of classes
     */
    public LabelShares shares(List<Long> training) {
      List<Long> rows =
          training.isEmpty() ? Collections.nCopies(predicted.size(), 0L) : List.copyOf(training);
      checkClasses(rows.size(), predicted.size());
      double all = rows.stream().mapToLong(Long::longValue).sum();
      List<Share> shares = new ArrayList<>();
      for (int i = 0; i < predicted.size(); i++) {
        double known = all == 0 ? Double.NaN : rows.get(i) / all;
        Estimate outcomes = actual.get(i).ratio().estimate();
        shares.add(
            new Share(
                predicted.get(i).ratio().estimate(), outcomes, known, shift(outcomes, known, all)));
      }
      return new LabelShares(List.copyOf(shares));
    }

    private static void checkClasses(int found, int expected) {
      if (found != expected) {
        throw new IllegalArgumentException("%d classes of %d".formatted(found, expected));
      }
    }
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
}
