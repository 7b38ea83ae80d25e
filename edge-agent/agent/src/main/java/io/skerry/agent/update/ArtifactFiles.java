package io.skerry.agent.update;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileMatch;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** What of artifacts is on this device's disk, and whether that is what it must be. */
final class ArtifactFiles {
  private final BlobFolder blobs;
  // Who released it is asked before a version is begun; what was accepted once runs on, even when
  // its key is rotated away or the floor rises above it.
  private final ArtifactReader candidates;
  private final ArtifactReader reader;
  private final HardwareFacts facts;
  private final ProfileCatalog profiles;

  ArtifactFiles(
      BlobFolder blobs, Supplier<Trust> trust, HardwareFacts facts, ProfileCatalog profiles) {
    this.blobs = blobs;
    this.candidates = new ArtifactReader(blobs, new ProvenRelease(trust));
    this.reader = new ArtifactReader(blobs, ReleaseCheck.acceptedBefore());
    this.facts = facts;
    this.profiles = profiles;
  }

  /** The manifest of a version that is to begin: released, ordered, and for this device. */
  ArtifactManifest candidate(DesiredSlot order) throws UpdateException {
    return checked(order, candidates);
  }

  /** The manifest of a version that was accepted before, whoever released it. */
  ArtifactManifest accepted(DesiredSlot order) throws UpdateException {
    return checked(order, reader);
  }

  private ArtifactManifest checked(DesiredSlot order, ArtifactReader reader)
      throws UpdateException {
    ArtifactManifest manifest;
    try {
      manifest = reader.manifest(order.manifest(), order.signature());
    } catch (ArtifactException e) {
      forgetDamaged(order.signature(), e);
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
    if (!manifest.model().equals(order.version())) {
      throw new UpdateException(
          ErrorCode.ARTIFACT_MALFORMED,
          "artifact %s is %s, ordered was %s"
              .formatted(order.manifest(), manifest.model(), order.version()));
    }
    ProfileMatch match = profile(manifest).match(facts);
    if (!match.matches()) {
      throw new UpdateException(
          ErrorCode.PROFILE_UNSUPPORTED,
          "%s is built for profile %s; this device does not fit: %s"
              .formatted(manifest.model(), manifest.profile(), match.reason()));
    }
    return manifest;
  }

  /** The profile that it is built for. */
  HardwareProfile profile(ArtifactManifest manifest) throws UpdateException {
    return profiles
        .profile(manifest.profile().value())
        .orElseThrow(
            () ->
                new UpdateException(
                    ErrorCode.PROFILE_UNSUPPORTED,
                    "%s is built for profile %s, which this agent does not know"
                        .formatted(manifest.model(), manifest.profile())));
  }

  /** Reads every byte back and checks it; what is not what it must be is deleted. */
  void verify(ArtifactManifest manifest) throws UpdateException {
    for (Layer layer : manifest.layers()) {
      verify(layer);
    }
    plan(manifest);
  }

  /** The same for one of its layers. */
  void verify(Layer layer) throws UpdateException {
    try {
      reader.verify(layer);
    } catch (ArtifactException e) {
      forgetDamaged(layer.digest(), e);
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Deletes what is damaged of all but the model, which runs. */
  void forgetDamagedParts(ArtifactManifest manifest) {
    for (Layer layer : manifest.layers()) {
      if (!layer.equals(manifest.modelLayer())) {
        try {
          verify(layer);
        } catch (UpdateException e) {
          // What is gone by now is fetched again.
        }
      }
    }
  }

  /** Only what is proven to be damaged goes: a disk that cannot be read now may be read later. */
  private void forgetDamaged(Digest digest, ArtifactException fault) {
    if (fault.code() != ErrorCode.ARTIFACT_DIGEST_MISMATCH) {
      return;
    }
    try {
      blobs.delete(digest);
    } catch (IOException e) {
      // Verified again before every use, so that a blob that stays cannot do harm.
    }
  }

  /** What to count about the model. */
  MonitoringPlan plan(ArtifactManifest manifest) throws UpdateException {
    Optional<Layer> layer = manifest.layer(LayerType.MONITORING);
    if (layer.isEmpty()) {
      return MonitoringPlan.latencyOnly();
    }
    try {
      return MonitoringPlan.parseToCount(reader.read(layer.get()));
    } catch (MalformedDocumentException e) {
      throw new UpdateException(ErrorCode.ARTIFACT_MALFORMED, String.valueOf(e.getMessage()), e);
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Inputs whose answers are known. */
  GoldenSet golden(ArtifactManifest manifest) throws UpdateException {
    try {
      return reader
          .golden(manifest)
          .orElseThrow(
              () ->
                  new UpdateException(
                      ErrorCode.ARTIFACT_MALFORMED,
                      "%s has no golden inputs".formatted(manifest.model())));
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Names of the classes; may be empty. */
  List<String> labels(ArtifactManifest manifest) throws UpdateException {
    try {
      return reader.labels(manifest);
    } catch (ArtifactException e) {
      throw new UpdateException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  /** Where the file of the model lies. */
  Path model(ArtifactManifest manifest) {
    return blobs.file(manifest.modelLayer().digest());
  }

  /** Where the model's file of a version lies that is here; empty when it has gone. */
  Optional<Path> model(Digest manifest) {
    try (InputStream content = blobs.open(manifest)) {
      return Optional.of(model(ArtifactManifest.parse(content.readAllBytes())));
    } catch (IOException | ArtifactException gone) {
      return Optional.empty();
    }
  }

  /** Deletes what belongs to none of these orders. */
  void keepOnly(List<DesiredSlot> orders) throws IOException {
    Set<Digest> wanted = new HashSet<>();
    for (DesiredSlot order : orders) {
      wanted.add(order.signature());
      wanted.addAll(layers(order));
    }
    blobs.keepOnly(wanted);
  }

  private List<Digest> layers(DesiredSlot order) {
    try {
      return reader.manifest(order.manifest(), order.signature()).layers().stream()
          .map(Layer::digest)
          .toList();
    } catch (ArtifactException e) {
      // An order whose envelope is not here has no layers here that only it needs.
      return List.of();
    }
  }
}
