package io.skerry.telemetry.signal;

import java.nio.ByteBuffer;

/**
 * How the elements of a tensor are read as reals, little-endian. Immutable.
 *
 * @param integers whether an element is one signed byte, not a 32-bit float
 * @param scale of integers: {@code real = (integer - zeroPoint) x scale}
 * @param zeroPoint of integers
 */
public record Elements(boolean integers, float scale, int zeroPoint) {
  /** 32-bit floats. */
  public static final Elements FLOATS = new Elements(false, 1, 0);

  /** Signed bytes that stand for reals. */
  public static Elements ofIntegers(float scale, int zeroPoint) {
    return new Elements(true, scale, zeroPoint);
  }

  /** Bytes of one. */
  public int bytes() {
    return integers ? 1 : Float.BYTES;
  }

  /** Reads {@code count} elements from the one at {@code first} on. Allocates nothing. */
  void read(ByteBuffer data, int first, int count, float[] into) {
    if (integers) {
      for (int i = 0; i < count; i++) {
        into[i] = (data.get(first + i) - zeroPoint) * scale;
      }
    } else {
      for (int i = 0; i < count; i++) {
        into[i] = data.getFloat((first + i) * Float.BYTES);
      }
    }
  }
}
