package io.skerry.telemetry.drift;

import java.util.Collection;

/**
 * How often a score comes true, per score bin: isotonic regression of outcomes on 64 bins, made
 * centrally per version and hardware profile, because quantized variants are calibrated each in
 * their own way. Immutable.
 *
 * <p>Bins without outcomes take the course between their neighbours. Intervals know how many
 * outcomes each level rests on.
 */
public final class Calibration {
  /** Equal bins of the score over [0, 1]. */
  public static final int BINS = 64;

  private final double[] probability;
  private final double[] variance;
  private final double outcomes;

  private Calibration(double[] probability, double[] variance, double outcomes) {
    this.probability = probability;
    this.variance = variance;
    this.outcomes = outcomes;
  }

  /** Without outcomes: the score is taken at its word. */
  public static Calibration none() {
    double[] probability = new double[BINS];
    double[] variance = new double[BINS];
    for (int bin = 0; bin < BINS; bin++) {
      probability[bin] = (bin + .5) / BINS;
      variance[bin] = .25;
    }
    return new Calibration(probability, variance, 0);
  }

  /** From outcomes, weighted by one over their inclusion probability; none when there are none. */
  public static Calibration of(Collection<Outcome> outcomes) {
    Sums sums = new Sums();
    outcomes.forEach(sums::add);
    return sums.calibration();
  }

  /** Outcomes added up as they become known, from which a calibration is made at any time. */
  public static final class Sums {
    private final double[] weight = new double[BINS];
    private final double[] positive = new double[BINS];
    private double total;
    private long outcomes;

    /** Adds one. */
    public void add(Outcome outcome) {
      int bin = bin(outcome.score());
      weight[bin] += outcome.weight();
      positive[bin] += outcome.positive() ? outcome.weight() : 0;
      total += outcome.weight();
      outcomes++;
    }

    /**
     * Adds what was counted of one bin.
     *
     * @param outcomes how many
     * @param all their weight
     * @param ofPositives of that the weight of those that were positive
     * @throws IllegalArgumentException if there is no such bin
     */
    public void add(int bin, long outcomes, double all, double ofPositives) {
      if (bin < 0 || bin >= BINS) {
        throw new IllegalArgumentException("there is no bin %d".formatted(bin));
      }
      weight[bin] += all;
      positive[bin] += ofPositives;
      total += all;
      this.outcomes += outcomes;
    }

    /** How many were added. */
    public long outcomes() {
      return outcomes;
    }

    /** From what was added so far; none when nothing was. */
    public Calibration calibration() {
      return outcomes == 0 ? none() : pooled(weight, positive, total);
    }
  }

  // Pool adjacent violators: blocks of falling means become one.
  private static Calibration pooled(double[] weight, double[] positive, double total) {
    double[] blockWeight = new double[BINS];
    double[] blockMean = new double[BINS];
    int[] blockEnd = new int[BINS];
    int blocks = 0;
    for (int bin = 0; bin < BINS; bin++) {
      if (weight[bin] == 0) {
        continue;
      }
      blockWeight[blocks] = weight[bin];
      blockMean[blocks] = positive[bin] / weight[bin];
      blockEnd[blocks] = bin;
      blocks++;
      while (blocks > 1 && blockMean[blocks - 2] >= blockMean[blocks - 1]) {
        double both = blockWeight[blocks - 2] + blockWeight[blocks - 1];
        blockMean[blocks - 2] =
            (blockMean[blocks - 2] * blockWeight[blocks - 2]
                    + blockMean[blocks - 1] * blockWeight[blocks - 1])
                / both;
        blockWeight[blocks - 2] = both;
        blockEnd[blocks - 2] = blockEnd[blocks - 1];
        blocks--;
      }
    }
    double[] probability = new double[BINS];
    double[] variance = new double[BINS];
    int block = 0;
    for (int bin = 0; bin < BINS; bin++) {
      while (block < blocks - 1 && bin > blockEnd[block]) {
        block++;
      }
      double mean = blockMean[block];
      probability[bin] = mean;
      // Half an outcome of each kind more, so that a block that never failed is not certain.
      double smoothed = (mean * blockWeight[block] + .5) / (blockWeight[block] + 1);
      variance[bin] = smoothed * (1 - smoothed) / (blockWeight[block] + 1);
    }
    return new Calibration(probability, variance, total);
  }

  static int bin(double score) {
    return Math.clamp((int) (score * BINS), 0, BINS - 1);
  }

  /** The probability that a score in this bin comes true. */
  public double probability(int bin) {
    return probability[bin];
  }

  double variance(int bin) {
    return variance[bin];
  }

  /** Weight of the outcomes it rests on. */
  public double outcomes() {
    return outcomes;
  }
}
