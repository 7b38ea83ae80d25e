package io.skerry.telemetry.sample;

import io.skerry.protocol.SamplingRates;

/**
 * Chooses predictions by a hash of their id instead of by chance: the same prediction is chosen
 * again after a repeat, and the choice can be checked centrally.
 *
 * @param salt what the choice is independent between, for example an artifact's digest
 */
public record SampleChoice(SamplingRates rates, long salt) {
  /** A score this near to the threshold is of low confidence. */
  public static final double NEAR_THRESHOLD = 0.15;

  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  /** Groups of predictions that are sampled at their own rate. */
  public enum Stratum {
    BASE,
    /** Low confidence, or a value that is missing, infinite or outside its range. */
    NOTABLE;

    /** The name in samples. */
    public String wireName() {
      return this == BASE ? "base" : "notable";
    }
  }

  /** The stratum of a prediction. */
  public static Stratum stratum(float score, double threshold, boolean anomalous) {
    return anomalous || Math.abs(score - threshold) < NEAR_THRESHOLD
        ? Stratum.NOTABLE
        : Stratum.BASE;
  }

  /** The probability with which a prediction of this stratum is chosen. */
  public double inclusionProbability(Stratum stratum) {
    return stratum == Stratum.BASE ? rates.base() : rates.notable();
  }

  /** Whether this prediction keeps its tensors. */
  public boolean chosen(String predictionId, Stratum stratum) {
    return unit(predictionId, salt) < inclusionProbability(stratum);
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
