package io.skerry.control.packaging;

import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Leaves the rest of the server, its database above all, room on the disk that files are put on.
 */
final class DiskRoom {
  /** Bytes that no file which is brought may take. */
  static final long KEPT_FREE = 128L << 20;

  private static final int LOOKED_EVERY = 4 << 20;

  private DiskRoom() {}

  /**
   * Refuses files for which a folder's disk has no room.
   *
   * @throws ProblemException with what is there and what is needed
   */
  static void require(Path folder, long bytes) throws IOException {
    require(folder, bytes, Files.getFileStore(folder).getUsableSpace());
  }

  static void require(Path folder, long bytes, long usable) {
    if (usable - bytes < KEPT_FREE) {
      throw new ProblemException(
          ErrorCode.STORAGE_FULL,
          String.format(
              Locale.ROOT,
              "%.1f MB are needed and the disk of '%s' has %.1f MB left, of which %.0f are kept for"
                  + " the rest of the server: make room there, then import again",
              bytes / 1e6,
              folder,
              usable / 1e6,
              KEPT_FREE / 1e6));
    }
  }

  /** Creates a file that stops growing where its disk has no more room for it. */
  static OutputStream create(Path file) throws IOException {
    Path folder = file.resolveSibling("");
    require(folder, LOOKED_EVERY);
    return new FilterOutputStream(Files.newOutputStream(file)) {
      private long unlooked = LOOKED_EVERY;

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        if (length > unlooked) {
          require(folder, LOOKED_EVERY);
          unlooked = LOOKED_EVERY;
        }
        out.write(bytes, from, length);
        unlooked -= length;
      }
    };
  }
}
