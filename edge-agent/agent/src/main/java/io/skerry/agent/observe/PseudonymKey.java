package io.skerry.agent.observe;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The device's secret from which pseudonyms are made: it never leaves the device, and lasts, so
 * that one value has one pseudonym as long as the data folder lives.
 */
public final class PseudonymKey {
  /** Bytes of the secret. */
  static final int BYTES = 32;

  private static final Logger log = LoggerFactory.getLogger(PseudonymKey.class);

  private PseudonymKey() {}

  /**
   * The secret kept in the data folder; a new one when there is none or it cannot be read. One that
   * cannot be kept, as on a full disk, lasts until the agent ends: what it hides stays hidden.
   */
  public static byte[] open(Disk disk, Path dataDir, SecureRandom random) {
    Path file = dataDir.resolve("pseudonym-key");
    Optional<byte[]> kept = kept(disk, file);
    if (kept.isPresent()) {
      return kept.get();
    }
    byte[] key = new byte[BYTES];
    random.nextBytes(key);
    try {
      DurableFile.writePrivate(disk, file, key);
    } catch (IOException e) {
      log.atWarn()
          .addKeyValue("file", file)
          .setCause(e)
          .log("pseudonyms last until the agent ends");
    }
    return key;
  }

  private static Optional<byte[]> kept(Disk disk, Path file) {
    try {
      return DurableFile.read(disk, file).filter(key -> key.length == BYTES);
    } catch (IOException e) {
      log.atWarn().addKeyValue("file", file).setCause(e).log("pseudonym key lost, made anew");
      return Optional.empty();
    }
  }
}
