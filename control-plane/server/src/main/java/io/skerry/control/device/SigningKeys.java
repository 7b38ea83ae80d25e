package io.skerry.control.device;

import io.skerry.artifact.keys.KeyCeremony;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** The control plane's signing keys and its root documents, made at the first start. */
@Singleton
public final class SigningKeys {
  private final KeyFolder folder;
  private final List<DsseEnvelope> roots;
  private final Trust trust;
  private final SigningKey director;
  private final SigningKey snapshot;

  SigningKeys(DataFolder data) {
    Path keys = data.keys();
    this.folder = new KeyFolder(keys, keys.resolve("offline"));
    try {
      if (!folder.exists()) {
        KeyCeremony.create(folder, KeyCeremony.Plan.DEFAULT, Instant.now());
      }
      this.roots = List.copyOf(folder.roots());
      this.trust = folder.trust();
      this.director = KeyFolder.key(folder.onlineKey("director"));
      this.snapshot = KeyFolder.key(folder.onlineKey("snapshot"));
    } catch (IOException e) {
      throw new StartException("signing keys cannot be used: " + e.getMessage(), e);
    }
  }

  /** What an enrolment token names: the fingerprint of version 1 of the root document. */
  public String rootFingerprint() {
    return RootDocument.fingerprint(roots.getFirst());
  }

  /** Every version of the root document, oldest first, each signed. */
  public List<DsseEnvelope> roots() {
    return roots;
  }

  /** What a device believes that knows every root document and no snapshot. */
  public Trust trust() {
    return trust;
  }

  /** Signs desired documents and the time. */
  public SigningKey director() {
    return director;
  }

  /** Signs snapshots. */
  public SigningKey snapshot() {
    return snapshot;
  }

  /** The PKCS#8 PEM file of the key with which packaging signs artifacts. */
  public Path automationFile() {
    return folder.onlineKey("automation");
  }
}
