package io.skerry.control.packaging;

import com.google.gson.JsonObject;
import io.skerry.api.ModelVersionView;
import io.skerry.api.Variant;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.ReleaseFile;
import io.skerry.artifact.trust.ReleaseFile.Released;
import io.skerry.artifact.trust.Role;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.registry.Registry;
import io.skerry.control.registry.Registry.Signing;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Signatures of release keys that are kept elsewhere: what they are to sign goes out, what they
 * signed comes in. Thread-safe.
 */
@Singleton
final class Releases {
  private final Database database;
  private final Registry registry;
  private final ArtifactStore artifacts;
  private final SigningKeys keys;
  private final AuditLog audit;

  Releases(
      Database database,
      Registry registry,
      ArtifactStore artifacts,
      SigningKeys keys,
      AuditLog audit) {
    this.database = database;
    this.registry = registry;
    this.artifacts = artifacts;
    this.keys = keys;
    this.audit = audit;
  }

  /**
   * Every chosen variant of a version, with the signatures of release keys that it has.
   *
   * @throws ProblemException if the version is unknown or was never packaged
   */
  ReleaseFile file(ModelVersion version) {
    Role release = keys.trust().root().release();
    List<Released> variants = new ArrayList<>();
    for (Variant variant : registry.version(version).variants()) {
      String manifest = variant.manifest();
      if (variant.winner() && manifest != null) {
        byte[] bytes = artifacts.bytes(Digest.parse(manifest), ArtifactManifest.BYTES_MAX);
        variants.add(Released.of(bytes, signatures(variant.signature(), release)));
      }
    }
    if (variants.isEmpty()) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT,
          "%s has no packaged variant: package it first with './skerry create variants %s'"
              .formatted(version, version));
    }
    return new ReleaseFile(version, keys.trust().root().version(), release, variants);
  }

  // Those of automation keys, or of keys of an older root, count for nobody who reads the file.
  private List<DsseSignature> signatures(@Nullable String envelope, Role release) {
    if (envelope == null) {
      return List.of();
    }
    List<String> known = release.keys().stream().map(VerificationKey::id).toList();
    try {
      return DsseEnvelope.parseJson(
              artifacts.bytes(Digest.parse(envelope), DsseEnvelope.JSON_BYTES_MAX))
          .signatures()
          .stream()
          .filter(signature -> known.contains(signature.keyId()))
          .toList();
    } catch (SignatureInvalidException e) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_SIGNATURE_INVALID, "%s: %s".formatted(envelope, e.getMessage()), e);
    }
  }

  /**
   * Takes signatures in: of every variant in the file, or of none.
   *
   * @param json a {@link ReleaseFile}
   * @return the version with its variants as they are now
   * @throws ProblemException if the file is of another version, names a variant that the version
   *     does not have (any more), or one of its signatures is missing or wrong; with the field
   */
  ModelVersionView sign(Actor actor, ModelVersion version, byte[] json) {
    ReleaseFile file = proven(version, json);
    List<Signing> signings = new ArrayList<>();
    for (Released variant : file.variants()) {
      signings.add(
          new Signing(
              variant.profile(), variant.digest(), artifacts.put(variant.envelope().toJson())));
    }
    database.run(
        transaction -> {
          for (int i = 0; i < signings.size(); i++) {
            Optional<String> before = registry.sign(transaction, version, signings.get(i));
            if (!before.equals(Optional.of(signings.get(i).signature().toString()))) {
              tell(transaction, actor, version, file.variants().get(i), before, signings.get(i));
            }
          }
        });
    return registry.version(version);
  }

  private ReleaseFile proven(ModelVersion version, byte[] json) {
    ModelVersionView view = registry.version(version);
    try {
      ReleaseFile file = ReleaseFile.parse(json);
      if (!file.model().equals(version)) {
        throw new ProblemException(
            ErrorCode.REQUEST_INVALID,
            "release file: field 'model' and 'version' say %s, the request is for %s"
                .formatted(file.model(), version));
      }
      for (int i = 0; i < file.variants().size(); i++) {
        requireCurrent(view, i, file.variants().get(i));
      }
      file.requireReleased(keys.trust().root().release());
      // What devices would refuse for another reason, such as the floor, is refused here as well.
      file.variants().forEach(variant -> keys.trust().released(variant.envelope()));
      return file;
    } catch (ArtifactException e) {
      throw new ProblemException(e.code(), String.valueOf(e.getMessage()), e);
    }
  }

  private static void requireCurrent(ModelVersionView view, int index, Released variant) {
    ProfileId profile = variant.profile();
    String current =
        view.variants().stream()
            .filter(one -> one.winner() && one.profile().equals(profile.value()))
            .findFirst()
            .map(Variant::manifest)
            .orElse(null);
    if (current == null) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "release file: field 'variants[%d].profile': %s@%d is not packaged for %s"
              .formatted(index, view.model(), view.version(), profile));
    }
    if (!current.equals(variant.digest().toString())) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT,
          ("release file: field 'variants[%d].digest' is %s, %s@%d for %s is %s by now: it was"
                  + " packaged again, get the release again and sign that")
              .formatted(index, variant.digest(), view.model(), view.version(), profile, current));
    }
  }

  private void tell(
      Transaction transaction,
      Actor actor,
      ModelVersion version,
      Released variant,
      Optional<String> before,
      Signing signing) {
    audit.append(
        transaction,
        actor,
        new AuditLog.Act(
            "release.signed",
            "model/" + version,
            "%s, release counter %d, by release key %s"
                .formatted(
                    variant.profile(),
                    variant.manifest().releaseCounter(),
                    variant.envelope().signatures().stream()
                        .map(DsseSignature::keyId)
                        .distinct()
                        .collect(Collectors.joining(", "))),
            before.map(signature -> state(variant, signature)).orElse(""),
            state(variant, signing.signature().toString())));
  }

  private static String state(Released variant, String signature) {
    JsonObject state = new JsonObject();
    state.addProperty("profile", variant.profile().value());
    state.addProperty("manifest", variant.digest().toString());
    state.addProperty("signature", signature);
    return state.toString();
  }
}
