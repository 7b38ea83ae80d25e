package io.skerry.artifact.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An NPY file that is read row by row: all that has the same first index. Its layout is drawn at
 * {@link NpyArray}.
 *
 * <p>What NumPy stores otherwise than an array here holds is converted: floats to 32 bits (those of
 * 64 are rounded), integers and booleans to the smallest type of an array that holds them all.
 */
public final class NpyFile implements AutoCloseable {
  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  static final int PREFIX_BYTES = 10;

  private static final String AGAIN = "write it again";
  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '([^']{1,8})', 'fortran_order': (True|False), 'shape': \\(([0-9, ]*)\\),? ?\\}\\s*");

  /** Element types that are read. */
  private enum Stored {
    F4("<f4", 4, NpyArray.Type.FLOAT32),
    F8("<f8", 8, NpyArray.Type.FLOAT32),
    F2("<f2", 2, NpyArray.Type.FLOAT32),
    I1("|i1", 1, NpyArray.Type.INT8),
    I2("<i2", 2, NpyArray.Type.INT32),
    I4("<i4", 4, NpyArray.Type.INT32),
    I8("<i8", 8, NpyArray.Type.INT64),
    U1("|u1", 1, NpyArray.Type.INT32),
    U2("<u2", 2, NpyArray.Type.INT32),
    U4("<u4", 4, NpyArray.Type.INT64),
    U8("<u8", 8, NpyArray.Type.INT64),
    B1("|b1", 1, NpyArray.Type.INT32);

    private final String code;
    private final int bytes;
    private final NpyArray.Type type;

    Stored(String code, int bytes, NpyArray.Type type) {
      this.code = code;
      this.bytes = bytes;
      this.type = type;
    }
  }

  private final Path file;
  private final FileChannel channel;
  private final Stored stored;
  private final int[] shape;
  private final long start;

  private NpyFile(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    fill(prefix, 0);
    if (prefix.position() < PREFIX_BYTES
        || !Arrays.equals(prefix.array(), 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw malformed("it is no NPY file of version 1.0", "write it with numpy.save");
    }
    ByteBuffer header = ByteBuffer.allocate(Short.toUnsignedInt(prefix.getShort(MAGIC.length)));
    fill(header, PREFIX_BYTES);
    Matcher matcher = HEADER.matcher(new String(header.array(), StandardCharsets.ISO_8859_1));
    if (header.hasRemaining() || !matcher.matches()) {
      throw malformed("its header is not {'descr', 'fortran_order', 'shape'}", AGAIN);
    }
    this.stored = stored(matcher.group(1));
    if (matcher.group(2).equals("True")) {
      throw malformed("it is in Fortran order", "write it row-major");
    }
    this.shape = shape(matcher.group(3));
    this.start = (long) PREFIX_BYTES + header.capacity();
    long expected = start + NpyArray.elements(shape) * stored.bytes;
    if (channel.size() != expected) {
      throw malformed(
          "it has %d bytes where shape %s of %s needs %d"
              .formatted(channel.size(), Arrays.toString(shape), stored.code, expected),
          AGAIN);
    }
  }

  /**
   * Opens a file.
   *
   * @throws IOException if it cannot be read or is no such file; the text names file and fault
   */
  public static NpyFile open(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      return new NpyFile(file, channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private Stored stored(String code) throws IOException {
    for (Stored known : Stored.values()) {
      if (known.code.equals(code)) {
        return known;
      }
    }
    throw malformed(
        "its type '%s' is none of %s"
            .formatted(
                code,
                Arrays.stream(Stored.values()).map(s -> s.code).collect(Collectors.joining(", "))),
        "write it as one of them");
  }

  private int[] shape(String text) throws IOException {
    try {
      int[] dimensions =
          Arrays.stream(text.split(","))
              .map(String::strip)
              .filter(part -> !part.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      if (dimensions.length > NpyArray.DIMENSIONS_MAX) {
        throw malformed("it has more than %d dimensions".formatted(NpyArray.DIMENSIONS_MAX), AGAIN);
      }
      return dimensions;
    } catch (NumberFormatException e) {
      throw new IOException(
          "%s is unreadable: its shape is (%s): %s".formatted(file, text, AGAIN), e);
    }
  }

  /** Dimensions, slowest first. */
  public int[] shape() {
    return shape.clone();
  }

  /** What its elements become. */
  public NpyArray.Type type() {
    return stored.type;
  }

  /**
   * The whole array.
   *
   * @throws IOException if it cannot be read; the text names file and fault
   */
  public NpyArray read() throws IOException {
    // A shape may name any number of empty rows.
    if (shape.length == 0 || NpyArray.elements(shape) == 0) {
      return array(bytes(1, NpyArray.elements(shape), i -> 0), shape);
    }
    return read(IntStream.range(0, shape[0]).toArray());
  }

  /**
   * These rows, in this order.
   *
   * @throws IOException if they cannot be read; the text names file and fault
   */
  public NpyArray read(int... rows) throws IOException {
    int[] part = shape.clone();
    part[0] = rows.length;
    return array(bytes(rows.length, NpyArray.elements(shape) / shape[0], i -> rows[i]), part);
  }

  private ByteBuffer bytes(int count, long elementsEach, IntUnaryOperator row) throws IOException {
    long bytesEach = elementsEach * stored.bytes;
    // Of converted elements both forms must fit an array.
    if (count * elementsEach > Integer.MAX_VALUE / Math.max(Integer.BYTES, stored.bytes)) {
      throw malformed(
          "%d rows of %d elements are too many to read".formatted(count, elementsEach),
          "write fewer");
    }
    ByteBuffer bytes =
        ByteBuffer.allocate((int) (count * bytesEach)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.limit((int) ((i + 1) * bytesEach));
      fill(bytes, start + row.applyAsInt(i) * bytesEach);
      if (bytes.hasRemaining()) {
        throw malformed("it ends before its row %d does".formatted(row.applyAsInt(i)), AGAIN);
      }
    }
    return bytes.flip();
  }

  private NpyArray array(ByteBuffer bytes, int[] dimensions) throws IOException {
    int elements = bytes.remaining() / stored.bytes;
    return switch (stored.type) {
      case FLOAT32 -> {
        float[] data = new float[elements];
        if (stored == Stored.F4) {
          bytes.asFloatBuffer().get(data);
        } else {
          for (int i = 0; i < elements; i++) {
            data[i] =
                stored == Stored.F8
                    ? (float) bytes.getDouble()
                    : Float.float16ToFloat(bytes.getShort());
          }
        }
        yield NpyArray.ofFloats(data, dimensions);
      }
      case INT8 -> {
        byte[] data = new byte[elements];
        bytes.get(data);
        yield NpyArray.ofBytes(data, dimensions);
      }
      case INT32 -> {
        int[] data = new int[elements];
        for (int i = 0; i < elements; i++) {
          data[i] = (int) integer(bytes);
        }
        yield NpyArray.ofInts(data, dimensions);
      }
      case INT64 -> {
        long[] data = new long[elements];
        for (int i = 0; i < elements; i++) {
          data[i] = integer(bytes);
          if (stored == Stored.U8 && data[i] < 0) {
            throw malformed(
                "its element %d is %s, more than 2^63 - 1"
                    .formatted(i, Long.toUnsignedString(data[i])),
                "write it as <i8");
          }
        }
        yield NpyArray.ofLongs(data, dimensions);
      }
    };
  }

  private long integer(ByteBuffer bytes) {
    return switch (stored) {
      case I1 -> bytes.get();
      case I2 -> bytes.getShort();
      case I4 -> bytes.getInt();
      case I8, U8 -> bytes.getLong();
      case U1 -> Byte.toUnsignedInt(bytes.get());
      case U2 -> Short.toUnsignedInt(bytes.getShort());
      case U4 -> Integer.toUnsignedLong(bytes.getInt());
      case B1 -> bytes.get() == 0 ? 0 : 1;
      case F2, F4, F8 -> throw new IllegalStateException("no integers: " + stored);
    };
  }

  /** Reads until the buffer is full or the file ends. */
  private void fill(ByteBuffer buffer, long from) throws IOException {
    long at = from;
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer, at);
      if (read < 0) {
        return;
      }
      at += read;
    }
  }

  private IOException malformed(String fault, String remedy) {
    return new IOException("%s is unreadable: %s: %s".formatted(file, fault, remedy));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
