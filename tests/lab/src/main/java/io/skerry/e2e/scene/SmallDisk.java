package io.skerry.e2e.scene;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A real file system of {@value #MEBIBYTES} MiB in memory, on which a device keeps its data: it can
 * be filled to the last byte, and made read-only.
 */
public final class SmallDisk implements AutoCloseable {
  /** More than what a device leaves free, and less than a test can fill in a second. */
  private static final int MEBIBYTES = 48;

  private static final int PIECE_BYTES = 4096;
  private static final int REFUSED_MAX = 1000;
  private static final Duration REMOUNTED_WITHIN = Duration.ofSeconds(20);

  private final Path folder;
  private final Path filler;

  /** This user may not mount file systems, or this machine cannot. */
  public static final class NotMountedException extends Exception {
    private static final long serialVersionUID = 1L;

    NotMountedException(String message) {
      super(message);
    }
  }

  private SmallDisk(Path folder) {
    this.folder = folder;
    this.filler = folder.resolve("filler");
  }

  /** Mounts one as the folder {@code device} of a place. */
  static SmallDisk mount(Path place) throws IOException, InterruptedException, NotMountedException {
    Path folder = Files.createDirectories(place.resolve("device"));
    String refusal =
        run("mount", "-t", "tmpfs", "-o", "mode=700,size=" + MEBIBYTES + "m", "tmpfs", folder);
    if (!refusal.isEmpty()) {
      throw new NotMountedException("a small file system cannot be mounted here: " + refusal);
    }
    // The agent keeps its lock open for writing: no file system is made read-only below that.
    Path lock = Files.createFile(place.resolve("lock"));
    Files.createSymbolicLink(folder.resolve("lock"), lock);
    return new SmallDisk(folder);
  }

  private static String run(Object... command) throws IOException, InterruptedException {
    try {
      Process process =
          new ProcessBuilder(List.of(command).stream().map(Object::toString).toList())
              .redirectErrorStream(true)
              .start();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return "no answer";
      }
      return process.exitValue() == 0 ? "" : "exit " + process.exitValue() + ": " + output;
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /** Fills it: not one page more fits. */
  public void fill() throws IOException {
    byte[] piece = new byte[PIECE_BYTES];
    try (OutputStream out = Files.newOutputStream(filler)) {
      for (int refused = 0; Files.getFileStore(folder).getUsableSpace() >= PIECE_BYTES; ) {
        try {
          out.write(piece);
        } catch (IOException e) {
          // Whoever writes there as well may have given room back since.
          if (++refused == REFUSED_MAX) {
            throw e;
          }
        }
      }
    }
  }

  /** There is room again. */
  public void free() throws IOException {
    Files.deleteIfExists(filler);
  }

  /** Makes it read-only as soon as nobody is writing, or writable again. */
  public void readOnly(boolean value) throws Exception {
    String[] refusal = {""};
    Await.until(
        REMOUNTED_WITHIN,
        value ? "a read-only file system" : "a writable file system",
        () -> {
          refusal[0] = run("mount", "-o", "remount," + (value ? "ro" : "rw"), folder);
          return refusal[0].isEmpty();
        },
        () -> refusal[0]);
  }

  @Override
  public void close() {
    try {
      // Lazily: the agent's process may take a moment to end.
      run("umount", "-l", folder);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
