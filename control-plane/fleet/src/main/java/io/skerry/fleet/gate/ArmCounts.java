package io.skerry.fleet.gate;

import io.skerry.telemetry.sketch.MonitoringManifests;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntToLongFunction;

/**
 * What one version did on one device since a stage opened: trials and hits of each metric, added up
 * from the device's windows and outcomes. Not thread-safe.
 */
public final class ArmCounts {
  private final double[] trials = new double[Metric.NUMBER_MAX];
  private final double[] hits = new double[Metric.NUMBER_MAX];

  /**
   * Counts of one stream of a window.
   *
   * @param bins how many
   * @param fold neighbouring ordinary bins that the device added up, 1 or more: the sum lies in the
   *     first of them
   * @param count of a bin, from 0
   */
  public record Bins(int bins, int fold, IntToLongFunction count) {
    /** As the server has them. */
    public static Bins of(List<Long> counts, int fold) {
      return new Bins(counts.size(), fold, counts::get);
    }

    // What lies below an edge within bins that were added up, and what above, nobody knows.
    private boolean tells(int edge) {
      return edge >= bins || edge % fold == 0;
    }

    private double from(int first) {
      double sum = 0;
      for (int bin = first; bin < bins; bin++) {
        sum += count.applyAsLong(bin);
      }
      return sum;
    }
  }

  /** Trials by metric, each in the place that its number says, up to the last that has any. */
  public double[] trials() {
    return Arrays.copyOf(trials, last());
  }

  /** Hits, likewise. */
  public double[] hits() {
    return Arrays.copyOf(hits, last());
  }

  // Few windows tell nothing of a metric: rows are stored without those places where none does.
  private int last() {
    int last = trials.length;
    while (last > Metric.ERROR.number() && trials[last - 1] == 0) {
      last--;
    }
    return last;
  }

  /** Trials of one metric. */
  public double trials(Metric metric) {
    return trials[metric.number() - 1];
  }

  /** Hits of one metric. */
  public double hits(Metric metric) {
    return hits[metric.number() - 1];
  }

  private void add(Metric metric, double moreTrials, double moreHits) {
    trials[metric.number() - 1] += moreTrials;
    hits[metric.number() - 1] += moreHits;
  }

  /** A window's predictions. */
  public void predictions(long predictions, long failed) {
    add(Metric.FAILED_PREDICTIONS, (double) predictions, (double) failed);
  }

  /**
   * A window of the agent's process.
   *
   * @param restarts processes that it is the first window of
   */
  public void process(int restarts) {
    add(Metric.RESTARTS, 1, restarts);
  }

  /**
   * A window's latencies. It tells nothing where the edge lies within bins that were added up, also
   * if they are empty: of such windows only those would be left out that are slow.
   *
   * @param edge bin from which on they are slow, as {@link LatencyEdge} has it
   */
  public void latencies(Bins latencies, int edge) {
    latencies(latencies, edge, Metric.SLOW_PREDICTIONS, Metric.SLOW_PREDICTIONS_UNTOLD);
  }

  /**
   * The same against the profile's budget.
   *
   * @param budget bin from which on all are over it
   */
  public void latenciesOfBudget(Bins latencies, int budget) {
    latencies(latencies, budget, Metric.OVER_BUDGET, Metric.OVER_BUDGET_UNTOLD);
  }

  private void latencies(Bins latencies, int edge, Metric metric, Metric untold) {
    if (latencies.tells(edge)) {
      add(metric, latencies.from(0), latencies.from(edge));
    } else {
      add(untold, 1, 0);
    }
  }

  /**
   * A reading of memory.
   *
   * @param residentBytes of the agent's process; 0 or less is not known
   * @param deviceBytes of the device; 0 is not known
   */
  public void memory(double residentBytes, double deviceBytes) {
    if (deviceBytes > 0 && residentBytes > 0) {
      double share = Math.min(1, residentBytes / deviceBytes);
      add(Metric.MEMORY, Metric.MEMORY_TRIALS, share * Metric.MEMORY_TRIALS);
    }
  }

  /**
   * A window's scores. Those outside 0 to 1 are no probabilities: nothing is known of their range.
   *
   * @param middles of the ordinary bins
   * @param resolution neighbouring bins that are compared as one; a window that added up more of
   *     them tells nothing
   */
  public void scores(Bins scores, List<Double> middles, int resolution) {
    if (middles.stream().anyMatch(middle -> middle < 0 || middle > 1)) {
      return;
    }
    Groups groups = new Groups(Math.min(middles.size(), scores.bins()), resolution);
    add(scores, groups, groups.mean(middles::get), Metric.PREDICTIONS, Metric.PREDICTIONS_UNTOLD);
    add(
        scores,
        groups,
        groups.mean(bin -> Math.abs(2 * middles.get(bin) - 1)),
        Metric.CONFIDENCE,
        Metric.CONFIDENCE_UNTOLD);
  }

  /**
   * A window's predicted classes, and how likely they were.
   *
   * @param resolution as of {@link #scores}
   */
  public void classes(Bins confidences, Bins classes, int resolution) {
    int bins = MonitoringManifests.SCORE_BINS;
    Groups likely = new Groups(Math.min(bins, confidences.bins()), resolution);
    add(
        confidences,
        likely,
        likely.mean(bin -> (bin + .5) / bins),
        Metric.CONFIDENCE,
        Metric.CONFIDENCE_UNTOLD);
    // The place of the first of several: their mean would bring all groups together.
    Groups predicted = new Groups(classes.bins(), resolution);
    add(classes, predicted, Metric::place, Metric.PREDICTIONS, Metric.PREDICTIONS_UNTOLD);
  }

  /** Neighbouring bins that are compared as one, where there are two groups or more. */
  private record Groups(int ordinary, int width) {
    Groups {
      width = ordinary >= 2 * width ? width : 1;
    }

    int end(int first) {
      return Math.min(ordinary, first + width);
    }

    IntToDoubleFunction mean(IntToDoubleFunction weight) {
      return first -> {
        double sum = 0;
        for (int bin = first; bin < end(first); bin++) {
          sum += weight.applyAsDouble(bin);
        }
        return sum / (end(first) - first);
      };
    }
  }

  private void add(
      Bins bins, Groups groups, IntToDoubleFunction weight, Metric metric, Metric untold) {
    if (bins.fold() > groups.width()) {
      add(untold, 1, 0);
      return;
    }
    double all = 0;
    double weighed = 0;
    for (int first = 0; first < groups.ordinary(); first += groups.width()) {
      long count = 0;
      for (int bin = first; bin < groups.end(first); bin++) {
        count += bins.count().applyAsLong(bin);
      }
      if (count > 0) {
        all += count;
        weighed += count * weight.applyAsDouble(first);
      }
    }
    add(metric, all, weighed);
  }

  /**
   * What became true of a prediction of one of two classes.
   *
   * @param actual from one half on the positive one
   */
  public void outcomeOfTwo(double actual, boolean right) {
    add(Metric.ACCURACY, 1, right ? 1 : 0);
    add(actual >= .5 ? Metric.ACCURACY_POSITIVE : Metric.ACCURACY_NEGATIVE, 1, right ? 1 : 0);
  }

  /** The same of one of several classes, of which none is the positive one. */
  public void outcomeOfSeveral(boolean right) {
    add(Metric.ACCURACY, 1, right ? 1 : 0);
  }

  /**
   * What became true of a predicted amount, which is not right or wrong: it is off by so much of
   * the range.
   *
   * @param range that the reference said; nothing is counted where it is 0
   */
  public void outcomeOfAmount(double actual, double predicted, double range) {
    double error = Math.abs(predicted - actual) / range;
    if (range > 0 && !Double.isNaN(error)) {
      add(Metric.ERROR, 1, Math.min(1, error));
    }
  }
}
