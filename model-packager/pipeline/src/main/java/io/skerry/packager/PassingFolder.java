package io.skerry.packager;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that is removed when it is closed, and when the program is interrupted. */
final class PassingFolder implements AutoCloseable {
  // Who is interrupted may still write into it.
  private static final int TRIES = 5;

  private final Path path;
  private final Thread atInterrupt;

  private PassingFolder(Path path) {
    this.path = path;
    this.atInterrupt = Thread.ofPlatform().unstarted(this::deleteQuietly);
    Runtime.getRuntime().addShutdownHook(atInterrupt);
  }

  /** An empty one at this path; what was there is removed. */
  static PassingFolder at(Path path) throws IOException {
    Packaging.delete(path);
    return new PassingFolder(Files.createDirectories(path));
  }

  /** A new one among the temporary files. */
  static PassingFolder temporary(String prefix) throws IOException {
    return new PassingFolder(Files.createTempDirectory(prefix));
  }

  Path path() {
    return path;
  }

  private void deleteQuietly() {
    for (int left = TRIES; ; left--) {
      try {
        Packaging.delete(path);
        return;
      } catch (IOException | UncheckedIOException e) {
        if (left == 1) {
          System.err.printf(
              "skerry pack: unfinished files stay in %s: %s%n", path, Packaging.oneLine(e));
          return;
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    try {
      Runtime.getRuntime().removeShutdownHook(atInterrupt);
    } catch (IllegalStateException e) {
      // It runs already.
    }
    Packaging.delete(path);
  }
}
