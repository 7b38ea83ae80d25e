package io.skerry.artifact.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.stream.Collectors;

/** An NPY file that is written part by part, replacing one that is there. */
public final class NpyWriter implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final FileChannel channel;

  private NpyWriter(FileChannel channel) {
    this.channel = channel;
  }

  /** Starts a file of this type and shape. */
  public static NpyWriter create(Path file, NpyArray.Type type, int... shape) throws IOException {
    String dimensions =
        Arrays.stream(shape).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    String header =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }"
            .formatted(type.code(), dimensions, shape.length == 1 ? "," : "");
    int unpadded = NpyFile.PREFIX_BYTES + header.length() + 1;
    int padding = (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    byte[] text = (header + " ".repeat(padding) + "\n").getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer start =
        ByteBuffer.allocate(NpyFile.PREFIX_BYTES + text.length).order(ByteOrder.LITTLE_ENDIAN);
    start.put(NpyFile.MAGIC).putShort((short) text.length).put(text).flip();
    FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING);
    NpyWriter writer = new NpyWriter(channel);
    try {
      writer.write(start);
      return writer;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Writes the next elements, little-endian, row-major. */
  public void write(ByteBuffer elements) throws IOException {
    while (elements.hasRemaining()) {
      channel.write(elements);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
