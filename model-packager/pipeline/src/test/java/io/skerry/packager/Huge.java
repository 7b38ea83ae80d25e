package io.skerry.packager;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/** Files that are larger than any array, and take no room on the disk. */
final class Huge {
  private static final long BYTES = 3L << 30;

  private Huge() {}

  static Path file(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(BYTES);
    }
    return path;
  }
}
