package io.skerry.artifact.trust;

import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Keys of a fleet with two of three root keys, and everything they can sign. */
final class Fleet {
  static final Instant NOW = Instant.parse("2026-11-20T08:00:00Z");
  static final ModelName MODEL = new ModelName("engine-health");
  static final String PROFILE = "rpi5-int8";

  final List<SigningKey> roots = List.of(key(1), key(2), key(3));
  final SigningKey release = key(10);
  final SigningKey director = key(20);
  final SigningKey snapshot = key(30);
  final SigningKey automation = key(40);

  final RootDocument first =
      new RootDocument(
          1,
          NOW.plus(Duration.ofDays(365)),
          new Role(roots.stream().map(SigningKey::verificationKey).toList(), 2),
          Role.of(release.verificationKey()),
          Role.of(director.verificationKey()),
          Role.of(snapshot.verificationKey()),
          List.of(
              new Delegation(automation.verificationKey(), Set.of(MODEL.value()), Set.of(PROFILE))),
          Map.of());

  /** The same key for the same number. */
  static SigningKey key(int number) {
    byte[] seed = new byte[32];
    Arrays.fill(seed, (byte) number);
    return SigningKey.ofSeed(seed);
  }

  /** What a freshly enrolled device believes. */
  Trust enrolled() {
    DsseEnvelope root = signed(first);
    return Trust.pinned(root, RootDocument.fingerprint(root));
  }

  /** The same, with a snapshot of version 10. */
  Trust fresh() {
    return enrolled().withSnapshot(snapshot(10), NOW);
  }

  /** Signed by two of the three root keys. */
  DsseEnvelope signed(RootDocument document) {
    return document.signedBy(roots.subList(0, 2));
  }

  RootDocument next(RootDocument before) {
    return with(
        before,
        before.version() + 1,
        before.root(),
        before.release(),
        before.director(),
        before.snapshot());
  }

  RootDocument rotatedSnapshot(Role role) {
    return with(first, 2, first.root(), first.release(), first.director(), role);
  }

  RootDocument rotatedRelease(VerificationKey key) {
    return with(first, 2, first.root(), Role.of(key), first.director(), first.snapshot());
  }

  RootDocument rotatedDirector(VerificationKey key) {
    return with(first, 2, first.root(), first.release(), Role.of(key), first.snapshot());
  }

  RootDocument rotatedRoot(Role role) {
    return with(first, 2, role, first.release(), first.director(), first.snapshot());
  }

  private static RootDocument with(
      RootDocument before, long version, Role root, Role release, Role director, Role snapshot) {
    return new RootDocument(
        version,
        before.expires(),
        root,
        release,
        director,
        snapshot,
        before.delegations(),
        before.floors());
  }

  /** The same roles, but a root key of somebody else. */
  static RootDocument foreign(RootDocument before, SigningKey key) {
    return with(
        before,
        1,
        Role.of(key.verificationKey()),
        before.release(),
        before.director(),
        before.snapshot());
  }

  RootDocument floored(RootDocument before, long version, long floor) {
    return new RootDocument(
        version,
        before.expires(),
        before.root(),
        before.release(),
        before.director(),
        before.snapshot(),
        before.delegations(),
        Map.of(MODEL, floor));
  }

  RootDocument expiring(RootDocument before, long version, Instant expires) {
    return new RootDocument(
        version,
        expires,
        before.root(),
        before.release(),
        before.director(),
        before.snapshot(),
        before.delegations(),
        before.floors());
  }

  DsseEnvelope snapshot(long version) {
    return snapshot(version, 1, Map.of(), snapshot);
  }

  DsseEnvelope snapshot(
      long version, long rootVersion, Map<ModelName, Long> floors, SigningKey key) {
    return new Snapshot(version, NOW, NOW.plus(Duration.ofDays(7)), rootVersion, floors)
        .signedBy(key);
  }

  static OciLayout artifact(
      Path folder, String model, String profile, long counter, SigningKey key) {
    try {
      return new ArtifactWriter(
              new ModelVersion(new ModelName(model), 3),
              new ProfileId(profile),
              Engine.ONNXRUNTIME,
              Precision.INT8,
              counter,
              new ModelSignature(
                  List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L))),
                  List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
          .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1, 2, 3})
          .write(folder, key);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The envelope over a manifest. */
  static DsseEnvelope release(
      Path folder, String model, String profile, long counter, SigningKey key) {
    OciLayout layout = artifact(folder, model, profile, counter, key);
    try {
      return DsseEnvelope.parseJson(Files.readAllBytes(layout.blob(layout.signature())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
