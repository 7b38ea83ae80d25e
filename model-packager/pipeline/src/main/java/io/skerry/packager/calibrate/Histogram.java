package io.skerry.packager.calibrate;

import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * How often which values of one tensor were seen, in constant memory.
 *
 * <p>{@value #BINS} equal bins cover [-reach, reach), where reach is the smallest power of two
 * above every magnitude. When a larger value comes, neighbouring bins become one and reach doubles,
 * so that the counts do not depend on the order of the values, nor on how they were shared out
 * between histograms that are merged.
 */
public final class Histogram {
  static final int BINS = 8192;

  private static final int HALF = BINS / 2;

  /** Below this, everything counts as zero: a range so small has no float scale. */
  private static final int EXPONENT_MIN = -100;

  private static final long[] NONE = new long[0];

  /** Counts, while none can be more than this type says: a graph has thousands of tensors. */
  private final int[] few = new int[BINS];

  /** The same in its place, from then on. */
  private long[] many = NONE;

  private int exponent = EXPONENT_MIN;
  private float minimum = Float.POSITIVE_INFINITY;
  private float maximum = Float.NEGATIVE_INFINITY;
  private long total;

  /**
   * Counts values.
   *
   * @return false when one of them is not finite; then the histogram is of no use
   */
  public boolean add(FloatBuffer values) {
    int start = values.position();
    int end = values.limit();
    float low = minimum;
    float high = maximum;
    boolean finite = true;
    for (int i = start; i < end; i++) {
      float value = values.get(i);
      finite &= Math.abs(value) <= Float.MAX_VALUE;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (!finite) {
      return false;
    }
    minimum = low;
    maximum = high;
    reach(exponentAbove(Math.max(-low, high)));
    // Scaling by a power of two is exact.
    float perUnit = Math.scalb((float) HALF, -exponent);
    if (total + end - start > Integer.MAX_VALUE) {
      widen();
    }
    if (many.length == 0) {
      for (int i = start; i < end; i++) {
        few[HALF + (int) Math.floor(values.get(i) * perUnit)]++;
      }
    } else {
      for (int i = start; i < end; i++) {
        many[HALF + (int) Math.floor(values.get(i) * perUnit)]++;
      }
    }
    total += end - start;
    return true;
  }

  private void widen() {
    if (many.length == 0) {
      many = counts();
    }
  }

  private long[] counts() {
    return many.length == 0 ? Arrays.stream(few).asLongStream().toArray() : many;
  }

  private void keep(long[] counts) {
    if (many.length > 0) {
      many = counts;
      return;
    }
    for (int i = 0; i < BINS; i++) {
      few[i] = (int) counts[i];
    }
  }

  private static int exponentAbove(float magnitude) {
    return magnitude <= 0 ? EXPONENT_MIN : Math.max(EXPONENT_MIN, Math.getExponent(magnitude) + 1);
  }

  private void reach(int wanted) {
    int halvings = Math.max(0, wanted - exponent);
    if (halvings == 0) {
      return;
    }
    long[] counts = counts();
    if (total == 0 || halvings > 13) {
      long below = 0;
      long above = 0;
      for (int i = 0; i < HALF; i++) {
        below += counts[i];
        above += counts[HALF + i];
      }
      Arrays.fill(counts, 0);
      counts[HALF - 1] = below;
      counts[HALF] = above;
      exponent = wanted;
    }
    for (; exponent < wanted; exponent++) {
      for (int i = 0; i < HALF / 2; i++) {
        counts[HALF + i] = counts[HALF + 2 * i] + counts[HALF + 2 * i + 1];
        counts[HALF - 1 - i] = counts[HALF - 1 - 2 * i] + counts[HALF - 2 - 2 * i];
      }
      Arrays.fill(counts, 0, HALF / 2, 0);
      Arrays.fill(counts, HALF + HALF / 2, BINS, 0);
    }
    keep(counts);
  }

  /** Counts what the other one counted too; it is the same as if all had come here. */
  public void merge(Histogram other) {
    if (other.total == 0) {
      return;
    }
    Histogram copy = new Histogram();
    copy.minimum = other.minimum;
    copy.maximum = other.maximum;
    copy.exponent = other.exponent;
    copy.total = other.total;
    if (other.many.length > 0 || total + other.total > Integer.MAX_VALUE) {
      widen();
      copy.widen();
    }
    copy.keep(other.counts().clone());
    copy.reach(exponent);
    reach(copy.exponent);
    long[] sums = counts();
    for (int i = 0; i < BINS; i++) {
      sums[i] += copy.count(i);
    }
    keep(sums);
    minimum = Math.min(minimum, copy.minimum);
    maximum = Math.max(maximum, copy.maximum);
    total += copy.total;
  }

  /** Values counted. */
  public long total() {
    return total;
  }

  /** Everything seen. */
  public Range full() {
    return new Range(minimum, maximum);
  }

  long count(int bin) {
    return many.length == 0 ? few[bin] : many[bin];
  }

  /** The lower edge of a bin; that of {@link #BINS} ends the last one. */
  double edge(int bin) {
    return Math.scalb((double) (bin - HALF) / HALF, exponent);
  }

  /** The first and the last bin that hold anything. */
  int firstBin() {
    int bin = 0;
    while (bin < BINS - 1 && count(bin) == 0) {
      bin++;
    }
    return bin;
  }

  int lastBin() {
    int bin = BINS - 1;
    while (bin > 0 && count(bin) == 0) {
      bin--;
    }
    return bin;
  }
}
