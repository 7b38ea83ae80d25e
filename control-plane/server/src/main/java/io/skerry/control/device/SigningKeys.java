package io.skerry.control.device;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.TrustedKeys;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The control plane's signing keys, made at the first start. */
@Singleton
public final class SigningKeys {
  private final Path releaseFile;
  private final VerificationKey root;
  private final SigningKey director;
  private final DsseEnvelope trust;

  SigningKeys(DataFolder folder) {
    Path keys = folder.keys();
    this.releaseFile = keys.resolve("release.pem");
    SigningKey rootKey = readOrMake(keys.resolve("root.pem"));
    SigningKey release = readOrMake(releaseFile);
    this.director = readOrMake(keys.resolve("director.pem"));
    this.root = rootKey.verificationKey();
    this.trust =
        new TrustedKeys(List.of(release.verificationKey()), List.of(director.verificationKey()))
            .signedBy(rootKey);
  }

  /** What devices know by its fingerprint. */
  public VerificationKey root() {
    return root;
  }

  /** Signs desired documents. */
  public SigningKey director() {
    return director;
  }

  /** The PKCS#8 PEM file of the key that signs artifacts. */
  public Path releaseFile() {
    return releaseFile;
  }

  /** Release and director keys, signed by root. */
  public DsseEnvelope trust() {
    return trust;
  }

  private static SigningKey readOrMake(Path file) {
    try {
      if (!Files.exists(file)) {
        SigningKey.generate().write(file);
      }
      return SigningKey.read(file);
    } catch (IOException e) {
      throw new StartException("key %s cannot be used: %s".formatted(file, e.getMessage()), e);
    }
  }
}
