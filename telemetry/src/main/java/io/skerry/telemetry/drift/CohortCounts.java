package io.skerry.telemetry.drift;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Counts of one cohort's input features on the common scale: while learning, and lately. */
final class CohortCounts {
  static final int BINS = 20;
  static final int WINDOWS_KEPT = 24;

  private final int features;
  private final Sums learned;
  private final Deque<WindowSums> recent = new ArrayDeque<>();

  private record WindowSums(long window, Sums sums) {}

  CohortCounts(int features) {
    this.features = features;
    learned = new Sums(features);
  }

  void learn(int feature, List<Long> counts, double[] positions, double[] values) {
    learned.add(feature, counts, positions, values);
  }

  void observe(long window, int feature, List<Long> counts, double[] positions, double[] values) {
    WindowSums last = recent.peekLast();
    if (last == null || last.window() != window) {
      last = new WindowSums(window, new Sums(features));
      recent.addLast(last);
      if (recent.size() > WINDOWS_KEPT) {
        recent.removeFirst();
      }
    }
    last.sums().add(feature, counts, positions, values);
  }

  Sums learned() {
    return learned;
  }

  Sums since(long window) {
    Sums total = new Sums(features);
    recent.stream().filter(kept -> kept.window() >= window).forEach(kept -> total.add(kept.sums()));
    return total;
  }

  /** Counts and value sums per feature. */
  static final class Sums {
    private final long[][] counts;
    private final double[] sums;
    private final long[] totals;

    Sums(int features) {
      counts = new long[features][BINS];
      sums = new double[features];
      totals = new long[features];
    }

    void add(int feature, List<Long> observed, double[] positions, double[] values) {
      for (int bin = 0; bin < positions.length; bin++) {
        if (!Double.isNaN(positions[bin])) {
          long count = observed.get(bin);
          counts[feature][Math.min(BINS - 1, (int) (positions[bin] * BINS))] += count;
          sums[feature] += count * values[bin];
          totals[feature] += count;
        }
      }
    }

    void add(Sums other) {
      for (int feature = 0; feature < totals.length; feature++) {
        for (int bin = 0; bin < BINS; bin++) {
          counts[feature][bin] += other.counts[feature][bin];
        }
        sums[feature] += other.sums[feature];
        totals[feature] += other.totals[feature];
      }
    }

    double mean(int feature) {
      return totals[feature] == 0 ? Double.NaN : sums[feature] / totals[feature];
    }

    long total(int feature) {
      return totals[feature];
    }

    List<Long> counts(int feature) {
      List<Long> list = new ArrayList<>(BINS);
      for (long count : counts[feature]) {
        list.add(count);
      }
      return list;
    }
  }
}
