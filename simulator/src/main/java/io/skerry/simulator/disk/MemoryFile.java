package io.skerry.simulator.disk;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** Content of one file: as it reads now, and what a power cut would leave. */
final class MemoryFile {
  private byte[] content = new byte[0];
  private int size;
  private byte[] forced = new byte[0];
  private final List<Change> unforced = new ArrayList<>();

  private sealed interface Change {
    record Write(long at, ByteBuffer bytes) implements Change {}

    record Truncate(long size) implements Change {}
  }

  int size() {
    return size;
  }

  byte[] content() {
    return Arrays.copyOf(content, size);
  }

  int read(byte[] into, long at) {
    int count = (int) Math.max(0, Math.min(into.length, size - at));
    if (count > 0) {
      System.arraycopy(content, (int) at, into, 0, count);
    }
    return count;
  }

  void write(byte[] bytes, long at) {
    Change write = new Change.Write(at, ByteBuffer.wrap(bytes));
    apply(write);
    unforced.add(write);
  }

  void truncate(long to) {
    if (to < size) {
      apply(new Change.Truncate(to));
      unforced.add(new Change.Truncate(to));
    }
  }

  void force() {
    forced = content();
    unforced.clear();
  }

  void flipBit(long bit) {
    content[(int) (bit / 8)] ^= (byte) (1 << (bit % 8));
    forced = content();
    unforced.clear();
  }

  /**
   * A power cut: any of the changes since the last force may have reached the disk, or half of one.
   */
  void losePower(RandomGenerator random, boolean everything) {
    List<Change> changes = List.copyOf(unforced);
    content = forced.clone();
    size = forced.length;
    unforced.clear();
    if (!everything) {
      for (Change change : changes) {
        switch (random.nextInt(3)) {
          case 0 -> apply(change);
          case 1 -> apply(torn(change));
          default -> {}
        }
      }
    }
    forced = content();
  }

  private static Change torn(Change change) {
    return switch (change) {
      case Change.Write(long at, ByteBuffer bytes) ->
          new Change.Write(at, bytes.slice(0, bytes.limit() / 2));
      case Change.Truncate truncate -> truncate;
    };
  }

  private void apply(Change change) {
    switch (change) {
      case Change.Write(long at, ByteBuffer bytes) -> {
        int end = Math.toIntExact(at + bytes.limit());
        if (end > content.length) {
          content = Arrays.copyOf(content, Math.max(end, content.length + content.length / 2));
        }
        bytes.get(0, content, (int) at, bytes.limit());
        size = Math.max(size, end);
      }
      case Change.Truncate(long to) -> {
        if (to < size) {
          // What is cut off must not come back when the file grows again.
          Arrays.fill(content, (int) to, size, (byte) 0);
          size = (int) to;
        }
      }
    }
  }
}
