package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Items while they are read, one after the other, in a temporary file: memory does not grow with
 * their count. The file has no name once it is open, so that it goes with the process or when
 * nobody holds the items any more, however that comes.
 */
final class ItemsFile implements AutoCloseable {
  private static final int PART_BYTES = 1 << 20;

  private final String source;
  private final ElementType type;
  private final FileChannel channel;
  private final ByteBuffer part;

  private ItemsFile(String source, ElementType type, FileChannel channel) {
    this.source = source;
    this.type = type;
    this.channel = channel;
    this.part = ByteBuffer.allocateDirect(PART_BYTES).order(ByteOrder.nativeOrder());
  }

  /**
   * An empty one.
   *
   * @param source where the items come from, for messages
   * @param type of their elements: FP32 or INT8
   */
  static ItemsFile create(String source, ElementType type) {
    try {
      Path file = Files.createTempFile("skerry-items-", ".raw");
      try {
        return new ItemsFile(
            source,
            type,
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE));
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw unkept(source, e);
    }
  }

  /** Writes elements from this one on, counted over all items. */
  void put(long element, float[] values) {
    long at = element * Float.BYTES;
    int most = PART_BYTES / Float.BYTES;
    for (int from = 0; from < values.length; from += most) {
      int size = Math.min(most, values.length - from);
      part.clear().asFloatBuffer().put(values, from, size);
      write(part.limit(size * Float.BYTES), at + (long) from * Float.BYTES);
    }
  }

  /** The same of stored integers. */
  void put(long element, byte[] values) {
    write(ByteBuffer.wrap(values), element);
  }

  private void write(ByteBuffer bytes, long from) {
    try {
      long at = from;
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    } catch (IOException e) {
      throw unkept(source, e);
    }
  }

  /**
   * Everything that was written, in the machine's order of bytes; the file itself may be closed.
   */
  MemorySegment map() {
    try {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
    } catch (IOException e) {
      throw unkept(source, e);
    }
  }

  ElementType type() {
    return type;
  }

  private static DataRefusedException unkept(String source, IOException cause) {
    return new DataRefusedException(
        "%s: its items cannot be kept in a temporary file (%s): free disk space, or give fewer"
            .formatted(source, cause.getMessage()),
        cause);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
