package io.skerry.agent.trust;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this device believes, kept across restarts. Whatever happens to its file, the roots that
 * came with the enrolment remain: there is always somebody to believe, and never somebody new.
 *
 * <p>A document is on disk before it counts. Thread-safe.
 */
public final class TrustStore implements Supplier<Trust> {
  private static final Logger log = LoggerFactory.getLogger(TrustStore.class);
  private static final int NAME_DIGITS = 16;

  private final Disk disk;
  private final Path folder;
  private final Path file;
  private volatile Trust trust;

  private TrustStore(Disk disk, Path folder, Path file, Trust trust) {
    this.disk = disk;
    this.folder = folder;
    this.file = file;
    this.trust = trust;
  }

  /**
   * What was kept, or what came with the enrolment when nothing usable was.
   *
   * @param folder of its own
   * @param fingerprint of version 1 of the root document, as the enrolment token named it
   * @param roots envelopes in JSON as enrolment gave them, version 1 first
   * @throws TrustException if the first root is not the one of the fingerprint, or one does not
   *     follow the one before
   */
  public static TrustStore open(Disk disk, Path folder, String fingerprint, List<String> roots) {
    if (roots.isEmpty()) {
      throw new TrustException(ErrorCode.ROOT_INVALID, "the enrolment has no root document");
    }
    Trust first = Trust.pinned(parsed(roots.getFirst()), fingerprint);
    // Named by its beginning: a device that enrols anew elsewhere starts from nothing.
    Path file = folder.resolve("trust-" + fingerprint.substring(0, NAME_DIGITS) + ".json");
    Trust trust = kept(disk, file).orElse(first);
    for (String root : roots.subList(1, roots.size())) {
      DsseEnvelope next = parsed(root);
      if (Trust.versionOf(next) == trust.root().version() + 1) {
        trust = trust.withRoot(next);
      }
    }
    return new TrustStore(disk, folder, file, trust);
  }

  private static DsseEnvelope parsed(String json) {
    try {
      return DsseEnvelope.parseJson(json.getBytes(StandardCharsets.UTF_8));
    } catch (SignatureInvalidException e) {
      throw new TrustException(
          ErrorCode.ROOT_INVALID, "a root of the enrolment is unreadable: " + e.getMessage(), e);
    }
  }

  private static Optional<Trust> kept(Disk disk, Path file) {
    try {
      return DurableFile.read(disk, file).map(Trust::ofBytes);
    } catch (IOException | TrustException e) {
      log.atError().addKeyValue("file", file).setCause(e).log("trust damaged, begun anew");
      return Optional.empty();
    }
  }

  @Override
  public Trust get() {
    return trust;
  }

  /**
   * Takes the next root.
   *
   * @throws TrustException if it is refused
   * @throws IOException if it cannot be kept; then it does not count
   */
  public synchronized void acceptRoot(DsseEnvelope next) throws IOException {
    keep(trust.withRoot(next));
    log.atInfo().addKeyValue("version", trust.root().version()).log("root followed");
  }

  /**
   * Takes a snapshot.
   *
   * @param updateBegan the time against which expiry is judged
   * @return the time that it signed
   * @throws TrustException if it is refused
   * @throws IOException if it cannot be kept; then it does not count
   */
  public synchronized Instant acceptSnapshot(DsseEnvelope envelope, Instant updateBegan)
      throws IOException {
    Trust next = trust.withSnapshot(envelope, updateBegan);
    if (next != trust) {
      keep(next);
    }
    return next.snapshot().orElseThrow().issuedAt();
  }

  private void keep(Trust next) throws IOException {
    disk.createFolders(folder);
    DurableFile.write(disk, file, next.toBytes());
    trust = next;
  }
}
