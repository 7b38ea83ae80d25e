package io.skerry.simulator.update;

import com.google.protobuf.ByteString;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.Tolerance;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Envelope;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** A control plane's side: releases versions of one model, and signs what a device shall run. */
final class Factory {
  static final TenantId TENANT = new TenantId("default");
  static final DeviceId DEVICE = new DeviceId("d1");
  static final SlotId MAIN = new SlotId("main");
  static final ModelName MODEL = new ModelName("scale");
  static final URI BASE = URI.create("https://control.test/artifacts");
  static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  private final SigningKey release = SigningKey.generate();
  private final SigningKey director = SigningKey.generate();
  private final SigningKey root = SigningKey.generate();
  private final Path folder;
  // Signing takes longer than what is tested, and tells it nothing.
  private final Trust trust = pinned();
  private final Map<Place, byte[]> orders = new ConcurrentHashMap<>();
  private final Map<Integer, OciLayout> versions = new HashMap<>();
  final Map<String, byte[]> blobs = new HashMap<>();
  // Names of blobs that a device asked for.
  final List<String> asked = new ArrayList<>();
  // What happens once while a device fetches the blob of this name.
  final Map<String, Runnable> meanwhile = new HashMap<>();

  Factory(Path folder) {
    this.folder = folder;
  }

  private record Place(long counter, int version) {}

  Trust trust() {
    return trust;
  }

  Optional<byte[]> blob(String name) {
    asked.add(name);
    Optional.ofNullable(meanwhile.remove(name)).ifPresent(Runnable::run);
    return Optional.ofNullable(blobs.get(name));
  }

  private Trust pinned() {
    DsseEnvelope document =
        new RootDocument(
                1,
                BEGIN.plus(Duration.ofDays(3650)),
                Role.of(root.verificationKey()),
                Role.of(release.verificationKey()),
                Role.of(director.verificationKey()),
                Role.of(root.verificationKey()),
                List.of(),
                Map.of())
            .signedBy(List.of(root));
    return Trust.pinned(document, RootDocument.fingerprint(document))
        .withSnapshot(snapshot(1, BEGIN.plus(Duration.ofDays(30))), BEGIN);
  }

  /** What a device believes after the next root gave the director role another key. */
  record Rotated(Trust trust, SigningKey director) {}

  Rotated rotateDirector(Trust before) {
    SigningKey fresh = SigningKey.generate();
    RootDocument known = before.root();
    DsseEnvelope next =
        new RootDocument(
                known.version() + 1,
                known.expires(),
                known.root(),
                known.release(),
                Role.of(fresh.verificationKey()),
                known.snapshot(),
                known.delegations(),
                known.floors())
            .signedBy(List.of(root));
    return new Rotated(before.withRoot(next), fresh);
  }

  DsseEnvelope snapshot(long version, Instant expires) {
    return new Snapshot(version, expires.minus(Duration.ofDays(30)), expires, 1, Map.of())
        .signedBy(root);
  }

  /** Releases a version, which multiplies by its number. */
  void release(int version, boolean bad) throws IOException {
    release(version, bad, new byte[0]);
  }

  /**
   * The same.
   *
   * @param monitoring its manifest; empty for none
   */
  void release(int version, boolean bad, byte[] monitoring) throws IOException {
    String line = "scale " + version + (bad ? " bad" : "");
    ArtifactWriter writer =
        new ArtifactWriter(
                new ModelVersion(MODEL, version),
                new ProfileId("x86-64-avx2"),
                Engine.ONNXRUNTIME,
                Precision.FP32,
                version,
                ScriptedEngine.SIGNATURE)
            .add(
                LayerType.MODEL_ONNX,
                "model.onnx",
                (line + "\n" + "x".repeat(40_000)).getBytes(StandardCharsets.UTF_8))
            .add(
                new GoldenSet(
                    new Tolerance(1e-4, 0),
                    List.of(
                        new GoldenCase(
                            List.of(GoldenTensor.ofFloats("input", List.of(1L), 2)),
                            List.of(GoldenTensor.ofFloats("output", List.of(1L), 2 * version))))));
    if (monitoring.length > 0) {
      writer.add(LayerType.MONITORING, "monitoring.bin", monitoring);
    }
    OciLayout layout = writer.write(folder.resolve("v" + version), release);
    versions.put(version, layout);
    try (Stream<Path> files = Files.list(layout.folder().resolve("blobs").resolve("sha256"))) {
      for (Path file : files.toList()) {
        blobs.put(String.valueOf(file.getFileName()), Files.readAllBytes(file));
      }
    }
  }

  /** A signed desired document. */
  byte[] order(long counter, int version) {
    return orders.computeIfAbsent(
        new Place(counter, version), place -> signed(document(counter, version)));
  }

  /** The same, of an order that switches the slot off. */
  byte[] off(long counter, int version) {
    DesiredDocument on = document(counter, version);
    return signed(
        new DesiredDocument(
            on.tenant(),
            on.device(),
            on.generation(),
            on.issuedAt(),
            List.of(on.slots().getFirst().withMode(new SlotMode.Off()))));
  }

  DesiredDocument document(long counter, int version) {
    OciLayout layout = Objects.requireNonNull(versions.get(version), "not released");
    return new DesiredDocument(
        TENANT,
        DEVICE,
        new Generation(1, counter),
        BEGIN,
        List.of(
            new DesiredSlot(
                MAIN,
                counter,
                new ModelVersion(MODEL, version),
                layout.model(),
                layout.signature(),
                BASE,
                Optional.empty(),
                new SamplingRates(0.1, 1),
                Duration.ofSeconds(5),
                3,
                Duration.ofSeconds(30))));
  }

  byte[] signed(DesiredDocument document) {
    return signed(document, director);
  }

  byte[] signed(DesiredDocument document, SigningKey by) {
    return signed(ProtocolCodec.encode(document), by);
  }

  byte[] signed(byte[] payload) {
    return signed(payload, director);
  }

  private static byte[] signed(byte[] payload, SigningKey by) {
    DsseEnvelope envelope = Dsse.sign(DesiredDocument.PAYLOAD_TYPE, payload, by);
    return Envelope.newBuilder()
        .setPayloadType(envelope.payloadType())
        .setPayload(ByteString.copyFrom(payload))
        .addSignatures(
            Envelope.Signature.newBuilder()
                .setKeyId(envelope.signatures().getFirst().keyId())
                .setSignature(ByteString.copyFrom(envelope.signatures().getFirst().signature())))
        .build()
        .toByteArray();
  }
}
