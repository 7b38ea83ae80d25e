package io.skerry.control.registry;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.device.RootsChanged;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.protocol.Digest;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks again, at the start and whenever root changes, which signed variants a device would begin.
 * One whose release key was rotated away awaits a signature; one whose key came back is released.
 */
@Singleton
final class ReleaseReview {
  private static final Logger log = LoggerFactory.getLogger(ReleaseReview.class);

  private final Database database;
  private final ArtifactStore artifacts;
  private final SigningKeys keys;

  ReleaseReview(Database database, ArtifactStore artifacts, SigningKeys keys) {
    this.database = database;
    this.artifacts = artifacts;
    this.keys = keys;
  }

  @EventListener
  void start(ServerReady ready) {
    review();
  }

  @EventListener
  void onRootsChanged(RootsChanged event) {
    review();
  }

  private void review() {
    Trust trust = keys.trust();
    List<RegistryStore.Signed> signed = database.call(RegistryStore::signed);
    for (RegistryStore.Signed variant : signed) {
      Optional<String> refusal = refusal(trust, variant);
      if (refusal.isPresent() != variant.refused()) {
        database.run(
            transaction -> RegistryStore.putRefused(transaction, variant, refusal.isPresent()));
        log.atWarn()
            .addKeyValue("version", variant.version())
            .addKeyValue("profile", variant.profile())
            .addKeyValue("refusal", refusal.orElse("none"))
            .log("release reviewed");
      }
    }
  }

  /** Why devices would refuse a variant's signature; empty when they would not. */
  private Optional<String> refusal(Trust trust, RegistryStore.Signed variant) {
    Optional<ArtifactStore.Blob> blob = artifacts.find(Digest.parse(variant.signature()));
    if (blob.isEmpty()) {
      return Optional.of("its envelope is gone");
    }
    try {
      trust.released(DsseEnvelope.parseJson(Files.readAllBytes(blob.get().file())));
      return Optional.empty();
    } catch (ArtifactException | SignatureInvalidException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      // A disk that cannot be read now says nothing about the key.
      return variant.refused() ? Optional.of("unreadable") : Optional.empty();
    }
  }
}
