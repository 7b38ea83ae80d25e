package io.skerry.control.device;

import io.skerry.artifact.keys.KeyCeremony;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.ca.FastEd25519;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ProfileId;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane's signing keys and the root documents that give them their roles. All are made
 * at the first start; a server that was given only the online part works as well. Roots and keys
 * that are put into the folder later are taken without a restart ({@link #reread}). Thread-safe.
 */
@Singleton
public final class SigningKeys {
  /** How long before its end the log asks for a new root document. */
  static final Duration ROOT_WARNING = Duration.ofDays(30);

  private static final Logger log = LoggerFactory.getLogger(SigningKeys.class);

  private final KeyFolder folder;
  private volatile Known known;
  private Optional<String> fault = Optional.empty();

  /** What the folder held when it was read, whole. */
  private record Known(
      List<DsseEnvelope> roots,
      Trust trust,
      SigningKey director,
      SigningKey snapshot,
      Optional<VerificationKey> automation) {
    boolean isSameAs(Known other) {
      return fingerprints().equals(other.fingerprints())
          && director.verificationKey().equals(other.director.verificationKey())
          && snapshot.verificationKey().equals(other.snapshot.verificationKey())
          && automation.equals(other.automation);
    }

    List<String> fingerprints() {
      return roots.stream().map(RootDocument::fingerprint).toList();
    }

    /** The first version of the root that is not, or no more, what it was; empty when none. */
    OptionalInt changed(Known before) {
      List<String> now = fingerprints();
      List<String> then = before.fingerprints();
      return IntStream.range(0, then.size())
          .filter(i -> i >= now.size() || !now.get(i).equals(then.get(i)))
          .map(i -> i + 1)
          .findFirst();
    }
  }

  /** Reads the keys, or makes them when there are none at all. */
  SigningKeys(DataFolder data) {
    Path keys = data.keys();
    this.folder = new KeyFolder(keys, keys.resolve("offline"));
    try {
      if (!folder.exists()) {
        makeFirst();
      }
      this.known = read();
    } catch (IOException e) {
      throw new StartException("signing keys cannot be used: " + e.getMessage(), e);
    }
    warn(Instant.now());
  }

  private Known read() throws IOException {
    // Read once: a root that comes in between must not count as known and yet not be followed.
    List<DsseEnvelope> roots = List.copyOf(folder.roots());
    Trust trust = folder.trust(roots);
    return new Known(
        roots,
        trust,
        online(trust, "director", trust.root().director()),
        online(trust, "snapshot", trust.root().snapshot()),
        Files.exists(automationFile())
            ? Optional.of(SigningKey.read(automationFile()).verificationKey())
            : Optional.empty());
  }

  /**
   * Takes what was put into the folder since. What is not whole yet, or does not fit together,
   * changes nothing and is told once: the next look may find it whole.
   *
   * @return whether anything changed
   */
  synchronized boolean reread() {
    try {
      Known now = read();
      if (now.isSameAs(known)) {
        fault = Optional.empty();
        return false;
      }
      OptionalInt changed = now.changed(known);
      if (changed.isPresent()) {
        throw new IOException(
            "root %d is gone or another one: devices know it already, put it back and sign a next"
                .formatted(changed.getAsInt()));
      }
      known = now;
      fault = Optional.empty();
      log.atInfo().addKeyValue("root", now.trust().root().version()).log("signing keys reread");
      warn(Instant.now());
      return true;
    } catch (IOException | RuntimeException e) {
      Optional<String> told = Optional.of(String.valueOf(e.getMessage()));
      if (!told.equals(fault)) {
        log.atError()
            .addKeyValue("folder", folder.online())
            .addKeyValue("cause", told.get())
            .log("changed signing keys not taken, the ones before go on");
      }
      fault = told;
      return false;
    }
  }

  private void makeFirst() throws IOException {
    if (Files.exists(folder.onlineKey("director"))) {
      throw new StartException(
          "%s holds keys, but no root.1.json that gives them their roles: copy every root.*.json"
                  .formatted(folder.online())
              + " of your keys there, or move the keys away for new ones");
    }
    KeyCeremony.create(folder, KeyCeremony.Plan.DEFAULT, Instant.now());
  }

  private SigningKey online(Trust trust, String name, Role role) throws IOException {
    SigningKey key = KeyFolder.key(folder.onlineKey(name)).by(new FastEd25519());
    if (!role.keys().contains(key.verificationKey())) {
      throw new StartException(
          "root %d does not name the %s key %s in %s: devices would refuse what it signs; give the"
                  .formatted(
                      trust.root().version(),
                      name,
                      key.verificationKey().id(),
                      folder.onlineKey(name))
              + " server the key that root names, or sign a root that names this one with"
              + " './skerry rotate keys'");
    }
    if (role.threshold() > 1) {
      throw new StartException(
          "root %d asks for %d %s signatures, this server has one key: sign a root with threshold 1"
              .formatted(trust.root().version(), role.threshold(), name));
    }
    return key;
  }

  /** Says in the log when the root document ends soon, or has ended. */
  void warn(Instant now) {
    Trust trust = known.trust();
    Instant expires = trust.root().expires();
    if (now.isAfter(expires)) {
      log.atError()
          .addKeyValue("version", trust.root().version())
          .addKeyValue("expired", expires)
          .log(
              "root expired: devices begin no new order until './skerry rotate keys' signs a next");
    } else if (now.isAfter(expires.minus(ROOT_WARNING))) {
      log.atWarn()
          .addKeyValue("version", trust.root().version())
          .addKeyValue("expires", expires)
          .log("root expires soon: sign the next with './skerry rotate keys'");
    }
  }

  /** What an enrolment token names: the fingerprint of version 1 of the root document. */
  public String rootFingerprint() {
    return RootDocument.fingerprint(known.roots().getFirst());
  }

  /** Every version of the root document, oldest first, each signed. */
  public List<DsseEnvelope> roots() {
    return known.roots();
  }

  /** What a device believes that knows every root document and no snapshot. */
  public Trust trust() {
    return known.trust();
  }

  /** Signs desired documents and the time. */
  public SigningKey director() {
    return known.director();
  }

  /** Signs snapshots. */
  public SigningKey snapshot() {
    return known.snapshot();
  }

  /** The PKCS#8 PEM file of the key with which packaging signs artifacts. */
  public Path automationFile() {
    return folder.onlineKey("automation");
  }

  /** Whether devices will believe this server's automation key about a model for a profile. */
  public boolean mayRelease(ModelName model, ProfileId profile) {
    Known now = known;
    if (now.automation().isEmpty()) {
      return false;
    }
    VerificationKey key = now.automation().get();
    Role release = now.trust().root().release();
    boolean isRelease = release.keys().contains(key) && release.threshold() == 1;
    return isRelease
        || now.trust().root().delegations().stream()
            .anyMatch(
                delegation -> delegation.key().equals(key) && delegation.covers(model, profile));
  }
}
