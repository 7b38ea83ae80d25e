package io.skerry.agent.boot;

import io.skerry.agent.disk.DamagedFileException;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.agent.uplink.Spool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the starts of an agent: records of two starts must never carry the same number. */
public final class BootEpoch {
  private static final Logger log = LoggerFactory.getLogger(BootEpoch.class);

  /** Left out when nobody knows any more how far the count was: nobody starts that often. */
  static final long SKIPPED_WHEN_LOST = 1 << 20;

  private final Disk disk;
  private final Path file;
  private final long number;
  private boolean claimed;
  private boolean kept;

  private BootEpoch(Disk disk, Path file, long number) {
    this.disk = disk;
    this.file = file;
    this.number = number;
  }

  /**
   * The number of this start, which survives a power cut.
   *
   * @throws IOException if it cannot be read or kept
   */
  public static long next(Disk disk, Path dataDir, Path spool, long seen) throws IOException {
    BootEpoch epoch = begin(disk, dataDir, spool, seen);
    // Nobody else can have come between.
    epoch.claimed = true;
    epoch.keep();
    return epoch.number();
  }

  /**
   * The number of this start. No record may carry it before {@link #keep} succeeded: the next start
   * would use it again.
   *
   * @param spool holds records of earlier starts
   * @param seen the highest that the control plane knew under this device's name: records that
   *     carry an earlier device's number would be taken for ones that are stored already
   * @throws IOException if the folder cannot be read
   */
  static BootEpoch begin(Disk disk, Path dataDir, Path spool, long seen) throws IOException {
    Path file = dataDir.resolve("boot-epoch");
    long known = Math.max(seen, Spool.newestEpoch(disk, spool));
    long next = 1 + Math.max(known, last(disk, file).orElse(known + SKIPPED_WHEN_LOST));
    return new BootEpoch(disk, file, next);
  }

  long number() {
    return number;
  }

  /**
   * Once this returns it survives a power cut; does nothing more then. The folder must be this
   * agent's own from the first try on.
   *
   * @throws IOException if it cannot be written, or another agent used the number since {@link
   *     #begin}, which never changes again
   */
  synchronized void keep() throws IOException {
    if (!kept) {
      if (!claimed) {
        requireUnused();
        // From here on the file may hold this number, which is this start's own.
        claimed = true;
      }
      byte[] content = Long.toString(number).getBytes(StandardCharsets.US_ASCII);
      // Twice: the file's predecessor on disk would give the number before, which was used.
      try {
        DurableFile.write(disk, file, content);
        DurableFile.write(disk, file, content);
      } catch (IOException e) {
        throw new IOException(
            "%s cannot be written (%s): make its disk writable, or make room on it"
                .formatted(file, e),
            e);
      }
      kept = true;
    }
  }

  /** Two that start on a disk that is read-only count to the same number. */
  private void requireUnused() throws IOException {
    long used;
    try {
      used = stored(disk, file);
    } catch (DamagedFileException | NumberFormatException e) {
      // Another agent would have written it anew.
      return;
    }
    if (used >= number) {
      throw new IOException(
          "boot epoch %d was used by another agent on this data folder meanwhile, which is at %d:"
                  .formatted(number, used)
              + " restart this agent");
    }
  }

  /** 0 when there never was one. */
  private static long stored(Disk disk, Path file) throws IOException {
    return DurableFile.read(disk, file)
        .map(content -> Long.parseLong(new String(content, StandardCharsets.US_ASCII)))
        .orElse(0L);
  }

  /** Empty when it is lost. */
  private static Optional<Long> last(Disk disk, Path file) {
    try {
      return Optional.of(stored(disk, file));
    } catch (IOException | NumberFormatException e) {
      log.atWarn().addKeyValue("file", file).setCause(e).log("boot epoch lost");
      return Optional.empty();
    }
  }
}
