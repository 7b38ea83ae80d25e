package io.skerry.agent.boot;

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

  private BootEpoch() {}

  /**
   * The number of this start; it survives a power cut once this returns.
   *
   * @param spool holds records of earlier starts
   * @param seen the highest that the control plane knew under this device's name: records that
   *     carry an earlier device's number would be taken for ones that are stored already
   */
  public static long next(Disk disk, Path dataDir, Path spool, long seen) throws IOException {
    Path file = dataDir.resolve("boot-epoch");
    long known = Math.max(seen, Spool.newestEpoch(disk, spool));
    long next = 1 + Math.max(known, last(disk, file).orElse(known + SKIPPED_WHEN_LOST));
    byte[] content = Long.toString(next).getBytes(StandardCharsets.US_ASCII);
    // Twice: the file's predecessor on disk would give the number before, which was used.
    DurableFile.write(disk, file, content);
    DurableFile.write(disk, file, content);
    return next;
  }

  /** Empty when it is lost. */
  private static Optional<Long> last(Disk disk, Path file) {
    try {
      return Optional.of(
          DurableFile.read(disk, file)
              .map(content -> Long.parseLong(new String(content, StandardCharsets.US_ASCII)))
              .orElse(0L));
    } catch (IOException | NumberFormatException e) {
      log.atWarn().addKeyValue("file", file).setCause(e).log("boot epoch lost");
      return Optional.empty();
    }
  }
}
