package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Arrays;
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
   * kept. What the first of them counted says how much one may count for ({@link DeviceShare}). Not
   * thread-safe.
   */
  public static final class Sums {
    private final Side predicted;
    private final Side actual;

    public Sums(int classes) {
      predicted = new Side(classes);
      actual = new Side(classes);
    }

    private static final class Side {
      private static final int FIRST = 256;

      private final List<Ratio.Sums> sums = new ArrayList<>();
      private final List<double[]> first = new ArrayList<>();
      private double limit = Double.NaN;

      Side(int classes) {
        for (int i = 0; i < classes; i++) {
          sums.add(new Ratio.Sums());
        }
      }

      void add(List<Double> weights) {
        checkClasses(weights.size(), sums.size());
        double[] row = weights.stream().mapToDouble(Double::doubleValue).toArray();
        if (Double.isNaN(limit)) {
          first.add(row);
          if (first.size() == FIRST) {
            limit = limit();
            first.forEach(one -> add(sums, one, limit));
            first.clear();
          }
        } else {
          add(sums, row, limit);
        }
      }

      private double limit() {
        return DeviceShare.limit(
            first.stream().mapToDouble(one -> Arrays.stream(one).sum()).toArray());
      }

      private static void add(List<Ratio.Sums> sums, double[] row, double limit) {
        double all = Arrays.stream(row).sum();
        double share = DeviceShare.of(all, limit);
        for (int i = 0; i < row.length; i++) {
          sums.get(i).add(row[i] * share, all * share);
        }
      }

      List<Ratio.Sums> counted() {
        if (!Double.isNaN(limit)) {
          return sums;
        }
        List<Ratio.Sums> few = new ArrayList<>();
        sums.forEach(one -> few.add(new Ratio.Sums()));
        double least = limit();
        first.forEach(one -> add(few, one, least));
        return few;
      }
    }

    /**
     * All that one device predicted, which is the unit: a second call is another device.
     *
     * @param weights by class
     * @throws IllegalArgumentException if it has another number of classes
     */
    public void addPredicted(List<Double> weights) {
      predicted.add(weights);
    }

    /**
     * All that is known of one device's outcomes.
     *
     * @param weights by class, one over the inclusion probability for each outcome
     * @throws IllegalArgumentException if it has another number of classes
     */
    public void addActual(List<Double> weights) {
      actual.add(weights);
    }

    /**
     * Compares.
     *
     * @param training rows of each class; empty where they are not known
     * @throws IllegalArgumentException if it has another number of classes
     */
    public LabelShares shares(List<Long> training) {
      List<Ratio.Sums> said = predicted.counted();
      List<Ratio.Sums> was = actual.counted();
      List<Long> rows =
          training.isEmpty() ? Collections.nCopies(said.size(), 0L) : List.copyOf(training);
      checkClasses(rows.size(), said.size());
      double all = rows.stream().mapToLong(Long::longValue).sum();
      List<Share> shares = new ArrayList<>();
      for (int i = 0; i < said.size(); i++) {
        double known = all == 0 ? Double.NaN : rows.get(i) / all;
        Estimate outcomes = was.get(i).ratio().estimate();
        shares.add(
            new Share(
                said.get(i).ratio().estimate(), outcomes, known, shift(outcomes, known, all)));
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
