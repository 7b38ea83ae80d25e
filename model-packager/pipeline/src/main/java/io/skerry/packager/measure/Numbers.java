package io.skerry.packager.measure;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Memory for floats: few in the heap, many in a mapped file without a name. */
final class Numbers {
  /** Bytes that the heap takes: masks and boxes of many items are more. */
  static final long HEAP_BYTES_MAX = 4L << 20;

  /** Bytes that a file takes: a million items of 4,000 numbers. */
  static final long FILE_BYTES_MAX = 16L << 30;

  private static final int ZEROS = 1 << 20;

  private Numbers() {}

  /**
   * Zeros, which go when nobody holds them any more.
   *
   * @throws OutputsTooLargeException if they are too many, or the disk has no room for them
   */
  static MemorySegment of(long count) {
    long bytes = Math.multiplyExact(count, (long) Float.BYTES);
    if (bytes <= HEAP_BYTES_MAX) {
      return MemorySegment.ofArray(new float[(int) count]);
    }
    if (bytes > FILE_BYTES_MAX) {
      throw new OutputsTooLargeException(
          "the model's outputs of all items are %d MiB, the limit is %d: give fewer items"
              .formatted(bytes >> 20, FILE_BYTES_MAX >> 20));
    }
    try {
      Path file = Files.createTempFile("skerry-outputs-", ".raw");
      try {
        return mapped(file, bytes);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new OutputsTooLargeException(
          "%d MiB of the model's outputs cannot be kept in a temporary file (%s): free disk space in %s, or give fewer items"
              .formatted(bytes >> 20, e.getMessage(), System.getProperty("java.io.tmpdir")),
          e);
    }
  }

  /**
   * A file's bytes as memory. They are written first: a file with holes takes no room before it is
   * filled, and where there is none then, the program gets a fault in place of an error.
   *
   * @throws OutputsTooLargeException if there is no room
   */
  static MemorySegment mapped(Path file, long bytes) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(ZEROS, bytes));
      for (long at = 0; at < bytes; ) {
        at += channel.write(zeros.clear().limit((int) Math.min(ZEROS, bytes - at)), at);
      }
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, Arena.ofAuto());
    } catch (IOException e) {
      throw new OutputsTooLargeException(
          "%d MiB of the model's outputs cannot be kept in %s (%s): free disk space there, or give fewer items"
              .formatted(bytes >> 20, file, e.getMessage()),
          e);
    }
  }
}
