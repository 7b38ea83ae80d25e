package io.skerry.telemetry.drift;

import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

/**
 * How often a score comes true, per score bin: isotonic regression of outcomes on 64 bins, made
 * centrally per version and hardware profile, because quantized variants are calibrated each in
 * their own way. Immutable.
 *
 * <p>Bins without outcomes take the course between their neighbours. Intervals know how many
 * outcomes each level rests on: of weighted ones as many as would tell as much, {@code (sum w)^2 /
 * sum w^2}. A device that floods counts for four others at most ({@link DeviceShare}).
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
    // By device, so that sums come to the same in any order of devices.
    private final Map<String, OfDevice> devices = new TreeMap<>();
    private long outcomes;

    /** Adds one. */
    public void add(Outcome outcome) {
      add(
          outcome.device().value(),
          bin(outcome.score()),
          1,
          outcome.weight(),
          outcome.weight() * outcome.weight(),
          outcome.positive() ? outcome.weight() : 0);
    }

    /**
     * Adds what was counted of one bin on one device.
     *
     * @param outcomes how many
     * @param all their weight
     * @param squares sum of the squares of each one's weight
     * @param ofPositives of that the weight of those that were positive
     * @throws IllegalArgumentException if there is no such bin
     */
    public void add(
        String device, int bin, long outcomes, double all, double squares, double ofPositives) {
      if (bin < 0 || bin >= BINS) {
        throw new IllegalArgumentException("there is no bin %d".formatted(bin));
      }
      devices.computeIfAbsent(device, name -> new OfDevice()).add(bin, all, squares, ofPositives);
      this.outcomes += outcomes;
    }

    /** How many were added. */
    public long outcomes() {
      return outcomes;
    }

    /** From what was added so far; none when nothing was. */
    public Calibration calibration() {
      if (outcomes == 0) {
        return none();
      }
      double limit =
          DeviceShare.limit(devices.values().stream().mapToDouble(one -> one.total).toArray());
      double[] weight = new double[BINS];
      double[] squares = new double[BINS];
      double[] positive = new double[BINS];
      double total = 0;
      for (OfDevice one : devices.values()) {
        double share = DeviceShare.of(one.total, limit);
        one.bins.forEach(
            (bin, counted) -> {
              weight[bin] += share * counted[0];
              squares[bin] += share * share * counted[1];
              positive[bin] += share * counted[2];
            });
        total += share * one.total;
      }
      return pooled(weight, squares, positive, total);
    }
  }

  /** Weight of all, its squares, and of the positive, by bin; few of the bins are ever met. */
  private static final class OfDevice {
    private final Map<Integer, double[]> bins = new TreeMap<>();
    private double total;

    void add(int bin, double all, double squares, double ofPositives) {
      double[] counted = bins.computeIfAbsent(bin, of -> new double[3]);
      counted[0] += all;
      counted[1] += squares;
      counted[2] += ofPositives;
      total += all;
    }
  }

  // Pool adjacent violators: blocks of falling means become one.
  private static Calibration pooled(
      double[] weight, double[] squares, double[] positive, double total) {
    double[] blockWeight = new double[BINS];
    double[] blockSquares = new double[BINS];
    double[] blockMean = new double[BINS];
    int[] blockEnd = new int[BINS];
    int blocks = 0;
    for (int bin = 0; bin < BINS; bin++) {
      if (weight[bin] == 0) {
        continue;
      }
      blockWeight[blocks] = weight[bin];
      blockSquares[blocks] = squares[bin];
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
        blockSquares[blocks - 2] += blockSquares[blocks - 1];
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
      double told = blockWeight[block] * blockWeight[block] / blockSquares[block];
      double smoothed = (mean * told + .5) / (told + 1);
      variance[bin] = smoothed * (1 - smoothed) / (told + 1);
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
