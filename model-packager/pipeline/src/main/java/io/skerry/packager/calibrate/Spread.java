package io.skerry.packager.calibrate;

import java.nio.FloatBuffer;

/** Running minimum and maximum of one tensor, and then a histogram between them. */
final class Spread {
  private static final int BINS = 2048;

  private float minimum = Float.POSITIVE_INFINITY;
  private float maximum = Float.NEGATIVE_INFINITY;
  private final long[] counts = new long[BINS];

  /** First pass. Returns false when a value is not finite. */
  boolean widen(FloatBuffer values) {
    boolean finite = true;
    while (values.hasRemaining()) {
      float value = values.get();
      finite &= Float.isFinite(value);
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
    }
    return finite;
  }

  /** Second pass, over the same values. */
  void count(FloatBuffer values) {
    double perBin = ((double) maximum - minimum) / BINS;
    while (values.hasRemaining()) {
      int bin = perBin == 0 ? 0 : (int) ((values.get() - minimum) / perBin);
      counts[Math.max(0, Math.min(BINS - 1, bin))]++;
      if (perBin == 0) {
        return;
      }
    }
  }

  Range full() {
    return new Range(minimum, maximum);
  }

  /**
   * The range without the outermost values: at most this share of all is cut off at each end.
   *
   * <p>Edges are those of bins, so that an extreme value in a bin with others stays.
   */
  Range within(double sharePerEnd) {
    long all = 0;
    for (long count : counts) {
      all += count;
    }
    double cut = all * sharePerEnd;
    int first = 0;
    for (long seen = counts[0]; first < BINS - 1 && seen <= cut; seen += counts[++first]) {}
    int last = BINS - 1;
    for (long seen = counts[last]; last > first && seen <= cut; seen += counts[--last]) {}
    double perBin = ((double) maximum - minimum) / BINS;
    return new Range((float) (minimum + first * perBin), (float) (minimum + (last + 1) * perBin));
  }
}
