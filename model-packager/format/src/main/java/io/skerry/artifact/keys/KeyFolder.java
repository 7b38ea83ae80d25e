package io.skerry.artifact.keys;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Two folders of keys. What is online a control plane needs to run; what is offline belongs on a
 * medium that is in a safe.
 *
 * <pre>
 * online/root.1.json ... root.N.json   every version of the root document, as signed envelopes
 * online/director.pem                  signs what devices shall run
 * online/snapshot.pem                  signs every few days that nothing newer exists
 * online/automation.pem                releases what root delegates to it
 * offline/root.pem, root.2.pem ...     sign root documents
 * offline/release.pem, release.2.pem   sign artifacts
 * </pre>
 */
public final class KeyFolder {
  /** Versions of the root document that a chain can have. */
  public static final int ROOTS_MAX = 1024;

  /** Keys of one name that are looked for, old ones included. */
  public static final int KEYS_MAX = 256;

  private final Path online;
  private final Path offline;

  public KeyFolder(Path online, Path offline) {
    this.online = online;
    this.offline = offline;
  }

  /**
   * The folder that {@code skerry create keys} makes, or a server's own key folder.
   *
   * @throws IOException if it is neither
   */
  public static KeyFolder at(Path folder) throws IOException {
    Path online = Files.isDirectory(folder.resolve("online")) ? folder.resolve("online") : folder;
    KeyFolder keys = new KeyFolder(online, folder.resolve("offline"));
    if (!keys.exists()) {
      throw new IOException(
          "%s is no key folder: it has no %s".formatted(folder, keys.rootFile(1)));
    }
    return keys;
  }

  /** The folder of what a server needs. */
  public Path online() {
    return online;
  }

  /** The folder of what belongs in a safe; it need not exist. */
  public Path offline() {
    return offline;
  }

  /** Whether there is a root document at all. */
  public boolean exists() {
    return Files.exists(rootFile(1));
  }

  /** Where a version of the root document lies. */
  public Path rootFile(long version) {
    return online.resolve("root." + version + ".json");
  }

  /** The file of an online key: {@code director}, {@code snapshot} or {@code automation}. */
  public Path onlineKey(String name) {
    return online.resolve(name + ".pem");
  }

  /** The file of an offline key; the first has no number in its name. */
  public Path offlineKey(String name, int number) {
    return offline.resolve(number == 1 ? name + ".pem" : name + "." + number + ".pem");
  }

  /**
   * Every key of this name that is in the offline folder, in the order of numbers.
   *
   * @param name {@code root} or {@code release}
   * @throws IOException if one cannot be read
   */
  public List<SigningKey> offlineKeys(String name) throws IOException {
    List<SigningKey> keys = new ArrayList<>();
    for (int number = 1; number <= KEYS_MAX; number++) {
      Path file = offlineKey(name, number);
      if (Files.exists(file)) {
        keys.add(SigningKey.read(file));
      }
    }
    return keys;
  }

  /**
   * Every version of the root document, oldest first.
   *
   * @throws IOException if a file cannot be read or is no envelope
   */
  public List<DsseEnvelope> roots() throws IOException {
    List<DsseEnvelope> roots = new ArrayList<>();
    for (int version = 1; version <= ROOTS_MAX && Files.exists(rootFile(version)); version++) {
      Path file = rootFile(version);
      if (Files.size(file) > RootDocument.BYTES_MAX) {
        throw new IOException("%s is no root document: it is too large".formatted(file));
      }
      try {
        roots.add(DsseEnvelope.parseJson(Files.readAllBytes(file)));
      } catch (SignatureInvalidException e) {
        throw new IOException("%s is no root document: %s".formatted(file, e.getMessage()), e);
      }
    }
    return roots;
  }

  /**
   * Follows the chain from version 1 to the newest.
   *
   * @throws IOException if there is none, or one of its documents does not follow the one before
   */
  public Trust trust() throws IOException {
    return trust(roots());
  }

  /**
   * Follows the chain of these root documents.
   *
   * @param roots as {@link #roots} gives them
   * @throws IOException if there is none, or one of them does not follow the one before
   */
  public Trust trust(List<DsseEnvelope> roots) throws IOException {
    if (roots.isEmpty()) {
      throw new IOException("there is no root document %s".formatted(rootFile(1)));
    }
    try {
      Trust trust = Trust.pinned(roots.getFirst(), RootDocument.fingerprint(roots.getFirst()));
      for (DsseEnvelope next : roots.subList(1, roots.size())) {
        trust = trust.withRoot(next);
      }
      return trust;
    } catch (TrustException e) {
      throw new IOException(
          "root documents in %s do not follow each other: %s".formatted(online, e.getMessage()), e);
    }
  }

  /**
   * A key from its file.
   *
   * @throws IOException if it cannot be read, with what to do in its text
   */
  public static SigningKey key(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IOException("key %s is missing".formatted(file));
    }
    return SigningKey.read(file);
  }
}
