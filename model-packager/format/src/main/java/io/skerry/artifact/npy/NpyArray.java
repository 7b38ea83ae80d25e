package io.skerry.artifact.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;

/**
 * An array of numbers with its shape, as an NPY file holds it.
 *
 * <pre>{@code
 * 0   6  93 'N' 'U' 'M' 'P' 'Y'
 * 6   2  version 1 0
 * 8   2  header length h, little-endian
 * 10  h  {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } spaces \n
 * 10+h   elements, little-endian, row-major
 * }</pre>
 *
 * <p>Types are {@code <f4}, {@code |i1}, {@code <i4} and {@code <i8}; of files with others, {@link
 * NpyFile} makes these. An array keeps the data that it was made of and hands the same out: whoever
 * holds it may read it, and nobody may change it.
 */
public final class NpyArray {
  /** The most dimensions that are read. */
  public static final int DIMENSIONS_MAX = 8;

  /** Element types, named as NumPy does. */
  public enum Type {
    FLOAT32("<f4", 4),
    INT8("|i1", 1),
    INT32("<i4", 4),
    INT64("<i8", 8);

    private final String code;
    private final int bytes;

    Type(String code, int bytes) {
      this.code = code;
      this.bytes = bytes;
    }

    String code() {
      return code;
    }
  }

  private final Type type;
  private final Object data;
  private final int[] shape;

  private NpyArray(Type type, Object data, int length, int[] shape) {
    if (shape.length > DIMENSIONS_MAX || elements(shape) != length) {
      throw new IllegalArgumentException(
          "%d elements cannot have shape %s".formatted(length, Arrays.toString(shape)));
    }
    this.type = type;
    this.data = data;
    this.shape = shape.clone();
  }

  /** An array of 32-bit floats. */
  public static NpyArray ofFloats(float[] data, int... shape) {
    return new NpyArray(Type.FLOAT32, data, data.length, shape);
  }

  /** An array of signed bytes. */
  public static NpyArray ofBytes(byte[] data, int... shape) {
    return new NpyArray(Type.INT8, data, data.length, shape);
  }

  /** An array of 32-bit integers. */
  public static NpyArray ofInts(int[] data, int... shape) {
    return new NpyArray(Type.INT32, data, data.length, shape);
  }

  /** An array of 64-bit integers. */
  public static NpyArray ofLongs(long[] data, int... shape) {
    return new NpyArray(Type.INT64, data, data.length, shape);
  }

  /** The index of the first float that is not finite; -1 if all are, and of integers. */
  public int firstNotFinite() {
    if (type == Type.FLOAT32) {
      float[] floats = floats();
      for (int i = 0; i < floats.length; i++) {
        if (!Float.isFinite(floats[i])) {
          return i;
        }
      }
    }
    return -1;
  }

  /** Whether it holds the same number everywhere; of no element it does not. */
  public boolean isConstant() {
    return switch (type) {
      case FLOAT32 -> length() > 0 && sameEverywhere(i -> floats()[i]);
      case INT8 -> length() > 0 && sameEverywhere(i -> bytes()[i]);
      case INT32 -> length() > 0 && sameEverywhere(i -> ints()[i]);
      case INT64 -> length() > 0 && sameEverywhere(i -> longs()[i]);
    };
  }

  private boolean sameEverywhere(IntToDoubleFunction at) {
    double first = at.applyAsDouble(0);
    for (int i = 1; i < length(); i++) {
      if (at.applyAsDouble(i) != first) {
        return false;
      }
    }
    return true;
  }

  /**
   * Reads a file of any type that NumPy has for real numbers and integers, little-endian.
   *
   * @throws IOException if it cannot be read or is no such file; the text names file and fault
   */
  public static NpyArray read(Path file) throws IOException {
    try (NpyFile open = NpyFile.open(file)) {
      return open.read();
    }
  }

  /**
   * Reads some rows of such a file: all that has the same first index. No more of the file is held
   * than them.
   *
   * @param chosen given how many rows there are, which of them are read, in this order
   * @throws IOException if it cannot be read or is no such file; the text names file and fault
   */
  public static NpyArray read(Path file, IntFunction<int[]> chosen) throws IOException {
    try (NpyFile open = NpyFile.open(file)) {
      int[] shape = open.shape();
      // Only rows that the file holds are counted: a shape may name any number of empty ones.
      return shape.length == 0 || elements(shape) == 0
          ? open.read()
          : open.read(chosen.apply(shape[0]));
    }
  }

  /** Elements of this shape; {@link Long#MAX_VALUE} / 16 when too many to count. */
  static long elements(int[] shape) {
    long elements = 1;
    for (int dimension : shape) {
      if (dimension != 0 && elements > Long.MAX_VALUE / 16 / dimension) {
        return Long.MAX_VALUE / 16;
      }
      elements *= dimension;
    }
    return elements;
  }

  /** Writes the file, replacing one that is there. */
  public void write(Path file) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length() * type.bytes).order(ByteOrder.LITTLE_ENDIAN);
    switch (type) {
      case FLOAT32 -> buffer.asFloatBuffer().put(floats());
      case INT8 -> buffer.put(bytes());
      case INT32 -> buffer.asIntBuffer().put(ints());
      case INT64 -> buffer.asLongBuffer().put(longs());
    }
    try (NpyWriter writer = NpyWriter.create(file, type, shape)) {
      writer.write(buffer.rewind());
    }
  }

  /** Which kind of number. */
  public Type type() {
    return type;
  }

  /** Dimensions, slowest first. */
  public int[] shape() {
    return shape.clone();
  }

  /** All elements. */
  public int length() {
    return (int) elements(shape);
  }

  /**
   * The elements, not copied.
   *
   * @throws IllegalStateException if they are no 32-bit floats
   */
  public float[] floats() {
    return (float[]) checked(Type.FLOAT32);
  }

  /**
   * The elements, not copied.
   *
   * @throws IllegalStateException if they are no signed bytes
   */
  public byte[] bytes() {
    return (byte[]) checked(Type.INT8);
  }

  /**
   * The elements, not copied.
   *
   * @throws IllegalStateException if they are no 32-bit integers
   */
  public int[] ints() {
    return (int[]) checked(Type.INT32);
  }

  /**
   * The elements, not copied.
   *
   * @throws IllegalStateException if they are no 64-bit integers
   */
  public long[] longs() {
    return (long[]) checked(Type.INT64);
  }

  private Object checked(Type expected) {
    if (type != expected) {
      throw new IllegalStateException("array holds %s, not %s".formatted(type, expected));
    }
    return data;
  }

  @Override
  public String toString() {
    return type + Arrays.toString(shape);
  }
}
