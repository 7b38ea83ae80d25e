package io.skerry.fleet.gate;

import io.skerry.telemetry.sketch.MonitoringManifests;
import java.util.List;
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
   * @param count of a bin, from 0
   */
  public record Bins(int bins, IntToLongFunction count) {
    /** As the server has them. */
    public static Bins of(List<Long> counts) {
      return new Bins(counts.size(), counts::get);
    }

    private double from(int first) {
      double sum = 0;
      for (int bin = first; bin < bins; bin++) {
        sum += count.applyAsLong(bin);
      }
      return sum;
    }
  }

  /** Trials by metric, each in the place that its number says; a copy. */
  public double[] trials() {
    return trials.clone();
  }

  /** Hits, likewise. */
  public double[] hits() {
    return hits.clone();
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

  /**
   * A window.
   *
   * @param restarts processes that it is the first window of
   */
  public void window(long predictions, long failed, int restarts) {
    add(Metric.RESTARTS, 1, restarts);
    add(Metric.FAILED_PREDICTIONS, (double) predictions, (double) failed);
  }

  /**
   * A window's latencies.
   *
   * @param edge bin from which on they are slow, as {@link LatencyEdge} has it
   */
  public void latencies(Bins latencies, int edge) {
    add(Metric.SLOW_PREDICTIONS, latencies.from(0), latencies.from(edge));
  }

  /**
   * The same against the profile's budget.
   *
   * @param budget bin from which on all are over it
   */
  public void latenciesOfBudget(Bins latencies, int budget) {
    add(Metric.OVER_BUDGET, latencies.from(0), latencies.from(budget));
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
   */
  public void scores(Bins scores, List<Double> middles) {
    if (middles.stream().anyMatch(middle -> middle < 0 || middle > 1)) {
      return;
    }
    double all = 0;
    double position = 0;
    double confidence = 0;
    for (int bin = 0; bin < Math.min(middles.size(), scores.bins()); bin++) {
      long count = scores.count().applyAsLong(bin);
      all += count;
      position += count * middles.get(bin);
      confidence += count * Math.abs(2 * middles.get(bin) - 1);
    }
    add(Metric.PREDICTIONS, all, position);
    add(Metric.CONFIDENCE, all, confidence);
  }

  /** A window's predicted classes, and how likely they were. */
  public void classes(Bins confidences, Bins classes) {
    double bins = MonitoringManifests.SCORE_BINS;
    for (int bin = 0; bin < Math.min(bins, confidences.bins()); bin++) {
      long count = confidences.count().applyAsLong(bin);
      add(Metric.CONFIDENCE, (double) count, count * (bin + .5) / bins);
    }
    for (int index = 0; index < classes.bins(); index++) {
      long count = classes.count().applyAsLong(index);
      add(Metric.PREDICTIONS, (double) count, count * Metric.place(index));
    }
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
