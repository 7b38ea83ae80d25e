package io.skerry.artifact.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

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
 * <p>Types are {@code <f4}, {@code |i1}, {@code <i4} and {@code <i8}. An array keeps the data that
 * it was made of and hands the same out: whoever holds it may read it, and nobody may change it.
 */
public final class NpyArray {
  /** The most dimensions that are read. */
  public static final int DIMENSIONS_MAX = 8;

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  private static final int PREFIX_BYTES = 10;
  private static final int ALIGNMENT = 64;
  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '([^']{1,8})', 'fortran_order': (True|False), 'shape': \\(([0-9, ]*)\\),? ?\\}\\s*");

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
   * Reads a file of any of the four types.
   *
   * @throws IOException if it cannot be read or is no such file; the text names file and fault
   */
  public static NpyArray read(Path file) throws IOException {
    return read(file, Optional.empty());
  }

  /**
   * Reads some rows of a file of any of the four types: all that has the same first index. No more
   * of the file is held than them.
   *
   * @param chosen given how many rows there are, which of them are read, in this order
   * @throws IOException if it cannot be read or is no such file; the text names file and fault
   */
  public static NpyArray read(Path file, IntFunction<int[]> chosen) throws IOException {
    return read(file, Optional.of(chosen));
  }

  private static NpyArray read(Path file, Optional<IntFunction<int[]>> chosen) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      fill(channel, prefix);
      if (prefix.position() < PREFIX_BYTES
          || !Arrays.equals(prefix.array(), 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
        throw malformed(file, "it is no NPY file of version 1.0");
      }
      int headerBytes = Short.toUnsignedInt(prefix.getShort(MAGIC.length));
      ByteBuffer header = ByteBuffer.allocate(headerBytes);
      fill(channel, header);
      Matcher matcher = HEADER.matcher(new String(header.array(), StandardCharsets.ISO_8859_1));
      if (header.hasRemaining() || !matcher.matches()) {
        throw malformed(file, "its header is not {'descr', 'fortran_order', 'shape'}");
      }
      Type type = type(file, matcher.group(1));
      if (matcher.group(2).equals("True")) {
        throw malformed(file, "it is in Fortran order; write it row-major");
      }
      int[] shape = shape(file, matcher.group(3));
      long elements = elements(shape);
      long expected = PREFIX_BYTES + headerBytes + elements * type.bytes;
      if (size != expected || (chosen.isEmpty() && elements > Integer.MAX_VALUE / type.bytes)) {
        throw malformed(
            file,
            "it has %d bytes where shape %s of %s needs %d"
                .formatted(size, Arrays.toString(shape), type, expected));
      }
      // Only rows that the file holds are counted: a shape may name any number of empty ones.
      boolean all = chosen.isEmpty() || elements == 0 || shape.length == 0;
      int[] rows = all ? new int[0] : chosen.get().apply(shape[0]);
      int[] part = shape.clone();
      if (!all) {
        part[0] = rows.length;
      }
      if (elements(part) > Integer.MAX_VALUE / type.bytes) {
        throw malformed(
            file, "%s of %s are too many to read".formatted(Arrays.toString(part), type));
      }
      if (Arrays.equals(part, shape)) {
        return readData(
            channel
                .map(FileChannel.MapMode.READ_ONLY, channel.position(), elements * type.bytes)
                .order(ByteOrder.LITTLE_ENDIAN),
            type,
            shape);
      }
      int each = (int) (elements / shape[0] * type.bytes);
      return readData(rows(file, channel, rows, each), type, part);
    }
  }

  private static ByteBuffer rows(Path file, FileChannel channel, int[] rows, int bytesEach)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(rows.length * bytesEach).order(ByteOrder.LITTLE_ENDIAN);
    long start = channel.position();
    for (int i = 0; i < rows.length; i++) {
      bytes.limit((i + 1) * bytesEach);
      while (bytes.hasRemaining()) {
        long at = start + (long) rows[i] * bytesEach + bytes.position() - (long) i * bytesEach;
        if (channel.read(bytes, at) < 0) {
          throw malformed(file, "it ends before its row %d does".formatted(rows[i]));
        }
      }
    }
    return bytes.flip();
  }

  private static NpyArray readData(ByteBuffer bytes, Type type, int[] shape) {
    int elements = (int) elements(shape);
    switch (type) {
      case FLOAT32 -> {
        float[] data = new float[elements];
        bytes.asFloatBuffer().get(data);
        return ofFloats(data, shape);
      }
      case INT8 -> {
        byte[] data = new byte[elements];
        bytes.get(data);
        return ofBytes(data, shape);
      }
      case INT32 -> {
        int[] data = new int[elements];
        bytes.asIntBuffer().get(data);
        return ofInts(data, shape);
      }
      case INT64 -> {
        long[] data = new long[elements];
        bytes.asLongBuffer().get(data);
        return ofLongs(data, shape);
      }
    }
    throw new IllegalStateException("type " + type);
  }

  private static Type type(Path file, String code) throws IOException {
    for (Type type : Type.values()) {
      if (type.code.equals(code)) {
        return type;
      }
    }
    throw malformed(file, "its type '%s' is none of <f4, |i1, <i4, <i8".formatted(code));
  }

  private static int[] shape(Path file, String text) throws IOException {
    try {
      int[] shape =
          Arrays.stream(text.split(","))
              .map(String::strip)
              .filter(part -> !part.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      if (shape.length > DIMENSIONS_MAX) {
        throw malformed(file, "it has more than %d dimensions".formatted(DIMENSIONS_MAX));
      }
      return shape;
    } catch (NumberFormatException e) {
      throw new IOException("%s: its shape (%s) is unreadable".formatted(file, text), e);
    }
  }

  private static void fill(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
      // Until full or at the end of the file.
    }
  }

  private static IOException malformed(Path file, String fault) {
    return new IOException("%s is unreadable: %s".formatted(file, fault));
  }

  /** Elements of this shape; {@link Long#MAX_VALUE} / 16 when too many to count. */
  private static long elements(int[] shape) {
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
    String dimensions =
        Arrays.stream(shape).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    String header =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }"
            .formatted(type.code, dimensions, shape.length == 1 ? "," : "");
    int unpadded = PREFIX_BYTES + header.length() + 1;
    int padding = (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    byte[] text = (header + " ".repeat(padding) + "\n").getBytes(StandardCharsets.ISO_8859_1);
    int total = PREFIX_BYTES + text.length + length() * type.bytes;
    ByteBuffer buffer = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
    buffer.put(MAGIC).putShort((short) text.length).put(text);
    switch (type) {
      case FLOAT32 -> buffer.asFloatBuffer().put(floats());
      case INT8 -> buffer.put(bytes());
      case INT32 -> buffer.asIntBuffer().put(ints());
      case INT64 -> buffer.asLongBuffer().put(longs());
    }
    buffer.rewind();
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
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
