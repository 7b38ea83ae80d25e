package io.skerry.packager.quantize;

/**
 * Whether adding two products u8 · s8 can leave 16 bits, as the instruction VPMADDUBSW adds them:
 * with saturation.
 *
 * <p>A pair of weights is safe when neither sum of its positive nor of its negative parts, times
 * 255, leaves [-32768, 32767]; that is, when both are within ±{@value #PAIR_MAX}. Which weights of
 * an output meet in a pair is the kernel's secret, so any two of them are taken to.
 */
public final class SaturationBound {
  /** ⌊32767 / 255⌋. */
  public static final int PAIR_MAX = 128;

  private SaturationBound() {}

  /** Whether any two of these weights could saturate. */
  public static boolean canSaturate(byte[] weights, int from, int to) {
    int highest = 0;
    int high = 0;
    int lowest = 0;
    int low = 0;
    for (int i = from; i < to; i++) {
      int weight = weights[i];
      if (weight > highest) {
        high = highest;
        highest = weight;
      } else {
        high = Math.max(high, weight);
      }
      if (weight < lowest) {
        low = lowest;
        lowest = weight;
      } else {
        low = Math.min(low, weight);
      }
    }
    return highest + high > PAIR_MAX || lowest + low < -PAIR_MAX;
  }

  /** The largest sum that any two of these reals of one sign have, by magnitude. */
  static double largestPair(float[] weights, int from, int to) {
    double highest = 0;
    double high = 0;
    double lowest = 0;
    double low = 0;
    for (int i = from; i < to; i++) {
      double weight = weights[i];
      if (weight > highest) {
        high = highest;
        highest = weight;
      } else {
        high = Math.max(high, weight);
      }
      if (weight < lowest) {
        low = lowest;
        lowest = weight;
      } else {
        low = Math.min(low, weight);
      }
    }
    return Math.max(highest + high, -lowest - low);
  }
}
