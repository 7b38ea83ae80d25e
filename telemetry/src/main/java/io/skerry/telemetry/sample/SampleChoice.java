package io.skerry.telemetry.sample;

import io.skerry.protocol.SamplingRates;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.artifact.v1.ScoreStream;

/**
 * Chooses predictions by a hash of their id instead of by chance: the same prediction is chosen
 * again after a repeat, and the choice can be checked centrally.
 *
 * <p>The strata are, the first that fits: anomaly, low confidence, then the predicted classes. A
 * class that is rarer than its share of equal parts is taken so much more often, up to {@link
 * #RARE_MAX} times, so that every class has samples. Immutable.
 */
public final class SampleChoice {
  /** A score this near to the threshold is of low confidence. */
  public static final double NEAR_THRESHOLD = 0.15;

  /** A predicted class of a probability below this is of low confidence. */
  public static final double LOW_CONFIDENCE = 0.5;

  /** How much more often a rare class is taken at most. */
  public static final double RARE_MAX = 16;

  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  private final SamplingRates rates;
  private final long salt;
  private final double[] classFactors;
  private final boolean classes;
  private final boolean amount;
  private final double threshold;
  private final double highest;

  /** Groups of predictions that are sampled at their own rate. */
  public enum Stratum {
    BASE("base"),
    /** Of a class that is predicted seldom. */
    RARE_CLASS("rare-class"),
    LOW_CONFIDENCE("low-confidence"),
    /** A value is missing, infinite, outside its range or unseen. */
    ANOMALY("anomaly");

    private final String wireName;

    Stratum(String wireName) {
      this.wireName = wireName;
    }

    /** The name in samples. */
    public String wireName() {
      return wireName;
    }
  }

  /**
   * The choice for a model.
   *
   * @param salt what the choice is independent between, for example an artifact's digest
   */
  public SampleChoice(SamplingRates rates, long salt, MonitoringPlan plan) {
    this.rates = rates;
    this.salt = salt;
    this.classes = plan.hasClasses();
    this.amount = plan.isAmount();
    this.threshold = plan.threshold();
    this.classFactors = factors(plan.manifest().getScore(), plan.classCount());
    double factor = 1;
    for (double one : classFactors) {
      factor = Math.max(factor, one);
    }
    this.highest = Math.max(rates.notable(), Math.min(1, rates.base() * factor));
  }

  private static double[] factors(ScoreStream score, int classCount) {
    double[] factors = new double[classCount];
    long total = score.getClassBaselineList().stream().mapToLong(Long::longValue).sum();
    for (int i = 0; i < classCount; i++) {
      double share =
          score.getClassBaselineCount() == classCount && total > 0
              ? (double) score.getClassBaseline(i) / total
              : 1.0 / classCount;
      factors[i] = Math.clamp(1 / (classCount * Math.max(share, 1e-9)), 1, RARE_MAX);
    }
    return factors;
  }

  /** The stratum of a prediction; {@code score} is NaN when the model has none. */
  public Stratum stratum(float score, int predictedClass, boolean anomalous) {
    if (anomalous) {
      return Stratum.ANOMALY;
    }
    if (amount) {
      return Stratum.BASE;
    }
    if (classes ? score < LOW_CONFIDENCE : Math.abs(score - threshold) < NEAR_THRESHOLD) {
      return Stratum.LOW_CONFIDENCE;
    }
    return factor(predictedClass) > 1 ? Stratum.RARE_CLASS : Stratum.BASE;
  }

  private double factor(int predictedClass) {
    return predictedClass >= 0 && predictedClass < classFactors.length
        ? classFactors[predictedClass]
        : 1;
  }

  /** The probability with which a prediction of this stratum and class is chosen. */
  public double inclusionProbability(Stratum stratum, int predictedClass) {
    return switch (stratum) {
      case BASE -> rates.base();
      case RARE_CLASS -> Math.min(1, rates.base() * factor(predictedClass));
      case LOW_CONFIDENCE, ANOMALY -> rates.notable();
    };
  }

  /** The highest probability that any prediction is chosen with. */
  public double highestProbability() {
    return highest;
  }

  /** Whether the prediction of this id is chosen at a probability; never below the lowest. */
  public boolean chosen(String predictionId, double probability) {
    return chosen(unit(predictionId), probability);
  }

  /**
   * Whether the prediction of this number is.
   *
   * @param unit as {@link #unit(String)} says
   */
  public static boolean chosen(double unit, double probability) {
    return probability >= SamplingRates.PROBABILITY_MIN && unit < probability;
  }

  /** The number of a prediction, in [0, 1): it is chosen at every higher probability. */
  public double unit(String predictionId) {
    return unit(predictionId, salt);
  }

  /** A salt from a text: equal texts have equal salts. */
  public static long saltOf(String text) {
    return mixed(hash(text, FNV_OFFSET));
  }

  /** A uniform number in [0, 1) that depends on nothing but id and salt. */
  static double unit(String id, long salt) {
    return (mixed(hash(id, FNV_OFFSET ^ salt)) >>> 11) * 0x1.0p-53;
  }

  private static long hash(String text, long start) {
    long hash = start;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * FNV_PRIME;
    }
    return hash;
  }

  /** FNV's low bits are weak: the finaliser of MurmurHash3 spreads them. */
  private static long mixed(long hash) {
    long h = hash;
    h = (h ^ (h >>> 33)) * 0xff51afd7ed558ccdL;
    h = (h ^ (h >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return h ^ (h >>> 33);
  }
}
