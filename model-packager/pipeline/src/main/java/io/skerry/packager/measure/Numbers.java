package io.skerry.packager.measure;

import io.skerry.packager.data.DataRefusedException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Memory for floats: few in the heap, many in a mapped file without a name. */
final class Numbers {
  /** Bytes that the heap takes: masks and boxes of many items are more. */
  static final long HEAP_BYTES_MAX = 4L << 20;

  private Numbers() {}

  /** Zeros, which go when nobody holds them any more. */
  static MemorySegment of(long count) {
    long bytes = Math.multiplyExact(count, (long) Float.BYTES);
    if (bytes <= HEAP_BYTES_MAX) {
      return MemorySegment.ofArray(new float[(int) count]);
    }
    try {
      Path file = Files.createTempFile("skerry-outputs-", ".raw");
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, Arena.ofAuto());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new DataRefusedException(
          "%d MiB of the model's outputs cannot be kept in a temporary file (%s): free disk space, or give fewer items"
              .formatted(bytes >> 20, e.getMessage()),
          e);
    }
  }
}
