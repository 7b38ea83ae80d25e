package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;

/**
 * Measures items of one signal, one after the other, in one pass over their elements each. Has room
 * of its own and allocates nothing; one a thread at a time.
 *
 * <p>Elements are read and summed up in their order and in IEEE arithmetic, so the same elements
 * give the same bits on every machine, and an int8 input those of the reals that it stands for.
 */
public abstract class Meter {
  // Below it what a variance is of is rounding.
  private static final double VARIANCE_MIN = 1e-12;

  private final int elements;
  private final float[] room;

  /**
   * @param elements of one item
   * @param read elements that are read at a time
   */
  Meter(int elements, int read) {
    this.elements = elements;
    this.room = new float[read];
  }

  /**
   * Measures an item.
   *
   * @param data elements from index 0, little-endian
   * @param first index of the item's first element
   * @param into the signal's scalars, in their order
   */
  public final void measure(ByteBuffer data, int first, Elements as, float[] into) {
    if (!sum(data, first, as, into)) {
      java.util.Arrays.fill(
          into, 0, scalars(), hasNan(data, first, as) ? Float.NaN : Float.POSITIVE_INFINITY);
    }
  }

  /** How many scalars it measures. */
  abstract int scalars();

  /** Measures; false where an element is no finite number. */
  abstract boolean sum(ByteBuffer data, int first, Elements as, float[] into);

  /** Reads into room that the next reading overwrites. */
  final float[] read(ByteBuffer data, int first, int count, Elements as) {
    as.read(data, first, count, room);
    return room;
  }

  // A second look, at what has no numbers only.
  private boolean hasNan(ByteBuffer data, int first, Elements as) {
    for (int done = 0; done < elements; done += room.length) {
      int count = Math.min(room.length, elements - done);
      float[] read = read(data, first + done, count, as);
      for (int i = 0; i < count; i++) {
        if (Float.isNaN(read[i])) {
          return true;
        }
      }
    }
    return false;
  }

  static double variance(double sum, double squares, long count) {
    double mean = sum / count;
    return Math.max(0, squares / count - mean * mean);
  }

  /** How large differences are beside the deviation of what they are of. */
  static float roughness(double differences, long count, double variance, double unit) {
    return count == 0 || variance <= VARIANCE_MIN * unit
        ? 0
        : (float) Math.sqrt(differences / count / variance);
  }
}
