package io.skerry.simulator.world;

import com.google.protobuf.ByteString;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
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
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.Envelope;
import io.skerry.wire.fleet.v1.Window;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * The signing keys and the artifacts that were released, as the artifact server gives them out.
 * Keys come from fixed bytes: a signature is then the same in every run.
 */
public final class Releases {
  static final ModelName MODEL = new ModelName("pump-health");

  /** The second model of a unit; it looks at the same values. */
  static final ModelName SECOND_MODEL = new ModelName("pump-wear");

  static final ModelSignature SIGNATURE =
      new ModelSignature(
          List.of(new TensorSpec("input", ElementType.FP32, List.of(1L, (long) Nature.FEATURES))),
          List.of(new TensorSpec("output", ElementType.FP32, List.of(1L, 1L))));

  private final SigningKey root = key(1);
  private final SigningKey release = key(2);
  private final SigningKey director = key(3);
  private final SigningKey thief = key(4);
  private final Trust trust = trust(root, release, director);
  private final Watched scored = new Watched(Nature.manifest(new SplittableRandom(7), false));
  private final Map<ModelVersion, Watched> otherwise = new HashMap<>();
  private final Map<String, byte[]> blobs = new HashMap<>();
  private final Map<String, Variant> variants = new HashMap<>();
  private final Map<Digest, Variant> byManifest = new HashMap<>();
  private final Map<ModelVersion, Behaviour> behaviours = new HashMap<>();
  // The newest of each device. A start of the control plane tells them again, and the signature of
  // the same key over the same bytes is the same.
  private final Map<DeviceId, Signed> directed = new HashMap<>();

  private static final class Signed {
    private final Generation generation;
    private final byte[] message;

    Signed(Generation generation, byte[] message) {
      this.generation = generation;
      this.message = message;
    }
  }

  /**
   * A profile's artifact.
   *
   * @param bytes of everything that is fetched of it
   */
  public record Variant(
      ModelVersion version, ProfileId profile, Digest manifest, Digest signature, long bytes) {}

  /** What becomes of a model once it answers, whatever it showed before. */
  public enum Behaviour {
    GOOD,
    /** Ends the agent's process. */
    CRASH,
    /** Fails every prediction. */
    FAILS,
    /** Takes twenty times its budget once it has proved itself. */
    SLOW,
    /** Takes twice as long as any other once it has proved itself. */
    TWICE,
    /** Gives the opposite answer. */
    WRONG,
    /** Answers well, and nobody ever hears what really happened. */
    UNTOLD,
    /** Fails its own golden inputs. */
    BROKEN,
    /** Signed by nobody who may. */
    UNSIGNED
  }

  private static SigningKey key(int number) {
    byte[] seed = new byte[32];
    seed[0] = (byte) number;
    return SigningKey.ofSeed(seed);
  }

  private static Trust trust(SigningKey root, SigningKey release, SigningKey director) {
    Instant begin = Instant.ofEpochMilli(World.BEGIN).minus(Duration.ofDays(1));
    Instant end = begin.plus(Duration.ofDays(36_500));
    DsseEnvelope document =
        new RootDocument(
                1,
                end,
                Role.of(root.verificationKey()),
                Role.of(release.verificationKey()),
                Role.of(director.verificationKey()),
                Role.of(root.verificationKey()),
                List.of(),
                Map.of())
            .signedBy(List.of(root));
    return Trust.pinned(document, RootDocument.fingerprint(document))
        .withSnapshot(
            new Snapshot(1, begin, begin.plus(Duration.ofDays(36_000)), 1, Map.of()).signedBy(root),
            begin);
  }

  Trust trust() {
    return trust;
  }

  /** What is watched of a version. */
  static final class Watched {
    private final MonitoringManifest manifest;
    private final MonitoredStreams streams;
    private final List<Double> middles;

    private Watched(MonitoringManifest manifest) {
      this.manifest = manifest;
      try {
        this.streams = MonitoredStreams.of(manifest);
      } catch (MalformedDocumentException e) {
        throw new IllegalStateException("a manifest made here can be read here", e);
      }
      this.middles =
          Optional.ofNullable(streams.outputs().get(MonitoredStreams.SCORE))
              .map(BaselineBins::middles)
              .orElse(List.of());
    }

    MonitoringManifest manifest() {
      return manifest;
    }

    MonitoredStreams streams() {
      return streams;
    }

    /** Of the bins of its scores. */
    List<Double> middles() {
      return middles;
    }

    /** The range of the amounts that it says; empty where it says a score. */
    Optional<Double> amountRange() {
      return streams.amountRange();
    }

    /** From which score on the positive class is predicted. */
    double threshold() {
      return manifest.getScore().getThreshold();
    }
  }

  Watched watched(ModelVersion version) {
    return otherwise.getOrDefault(version, scored);
  }

  /** The counts of a window. */
  WindowCounts counts(Window window) {
    // Nearly always all are watched alike: of no window is it asked what it is of.
    Watched of =
        otherwise.isEmpty()
            ? scored
            : watched(
                new ModelVersion(
                    new ModelName(window.getModel().getModel()), window.getModel().getVersion()));
    try {
      return WindowCodec.read(of.streams().layout(), window);
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException("a device sent a window that cannot be read", e);
    }
  }

  Optional<byte[]> blob(String hex) {
    return Optional.ofNullable(blobs.get(hex));
  }

  /** What an artifact takes to fetch. */
  long bytes(long version, ProfileId profile) {
    return variant(new ModelVersion(MODEL, version), profile).map(Variant::bytes).orElseThrow();
  }

  Optional<Variant> variant(ModelVersion version, ProfileId profile) {
    return Optional.ofNullable(variants.get(version + "/" + profile));
  }

  /** What has this manifest. */
  Optional<Variant> variant(Digest manifest) {
    return Optional.ofNullable(byManifest.get(manifest));
  }

  /** Bytes of the largest artifact. */
  long largestBytes() {
    return variants.values().stream().mapToLong(Variant::bytes).max().orElse(0);
  }

  /** Whether this was released, by those who may, for such a device, and passes its own test. */
  boolean isReleased(Digest manifest, Described device) {
    return variant(manifest)
        .filter(variant -> device.isOf(variant.profile()))
        .map(variant -> behaviour(variant.version()))
        .filter(behaviour -> behaviour != Behaviour.UNSIGNED && behaviour != Behaviour.BROKEN)
        .isPresent();
  }

  /** How a version is. */
  Behaviour behaviour(ModelVersion version) {
    return behaviours.getOrDefault(version, Behaviour.GOOD);
  }

  /** Makes a good version that says an amount, which is not right or wrong. */
  void releaseAmount(ModelVersion version) {
    otherwise.put(version, new Watched(Nature.manifest(new SplittableRandom(7), true)));
    release(version, Behaviour.GOOD);
  }

  /** Makes a version for every profile. */
  void release(ModelVersion version, Behaviour behaviour) {
    release(version, behaviour, 0);
  }

  /** The same with a model of at least so many bytes. */
  void release(ModelVersion version, Behaviour behaviour, int modelBytesMin) {
    behaviours.put(version, behaviour);
    for (Hardware hardware : Hardware.values()) {
      release(version, behaviour, hardware.profile(), modelBytesMin);
    }
  }

  private void release(
      ModelVersion version, Behaviour behaviour, ProfileId profile, int modelBytesMin) {
    List<Layer> layers = new ArrayList<>();
    String line = "%s %d %s\n".formatted(version.model(), version.version(), behaviour);
    line += " ".repeat(Math.max(0, modelBytesMin - line.length()));
    layers.add(layer(LayerType.MODEL_ONNX, "model.onnx", line.getBytes(StandardCharsets.UTF_8)));
    layers.add(layer(LayerType.GOLDEN, "golden.bin", golden(behaviour).toBytes()));
    layers.add(
        layer(LayerType.MONITORING, "monitoring.bin", watched(version).manifest().toByteArray()));
    byte[] manifest =
        new ArtifactManifest(
                version,
                profile,
                Engine.ONNXRUNTIME,
                Precision.FP32,
                version.version(),
                SIGNATURE,
                layers)
            .toJson();
    byte[] envelope =
        Dsse.sign(
                ArtifactManifest.MEDIA_TYPE,
                manifest,
                behaviour == Behaviour.UNSIGNED ? thief : release)
            .toJson();
    long bytes = envelope.length + layers.stream().mapToLong(Layer::size).sum();
    Variant variant = new Variant(version, profile, Digest.of(manifest), put(envelope), bytes);
    variants.put(version + "/" + profile, variant);
    byManifest.put(variant.manifest(), variant);
  }

  private Layer layer(LayerType type, String title, byte[] content) {
    List<Digest> chunks = new ArrayList<>();
    for (int from = 0; from < content.length; from += Layer.CHUNK_BYTES) {
      int to = Math.min(content.length, from + Layer.CHUNK_BYTES);
      chunks.add(Digest.of(Arrays.copyOfRange(content, from, to)));
    }
    return new Layer(type, title, put(content), content.length, chunks);
  }

  private Digest put(byte[] content) {
    Digest digest = Digest.of(content);
    blobs.put(digest.hex(), content);
    return digest;
  }

  private static GoldenSet golden(Behaviour behaviour) {
    float[] input = {10, 21, 33, 38};
    float score = SimEngine.answer(behaviour, Nature.score(input, 0));
    return new GoldenSet(
        new Tolerance(1e-4, 0),
        List.of(
            new GoldenCase(
                List.of(GoldenTensor.ofFloats("input", List.of(1L, (long) Nature.FEATURES), input)),
                List.of(
                    GoldenTensor.ofFloats(
                        "output",
                        List.of(1L, 1L),
                        behaviour == Behaviour.BROKEN ? score + 1 : score)))));
  }

  /** The answer to the question what time it is. */
  byte[] signedTime(String nonce, Instant now) {
    String answer = "{\"nonce\":\"%s\",\"at\":\"%s\"}".formatted(nonce, now);
    return Dsse.sign(
            "application/vnd.skerry.time.v1+json",
            answer.getBytes(StandardCharsets.UTF_8),
            director)
        .toJson();
  }

  /** A desired document as it travels; a device has one of each generation. */
  byte[] directed(DesiredDocument document) {
    Signed before = directed.get(document.device());
    if (before != null && before.generation.equals(document.generation())) {
      return before.message;
    }
    byte[] message = signed(document);
    directed.put(document.device(), new Signed(document.generation(), message));
    return message;
  }

  private byte[] signed(DesiredDocument document) {
    return signed(document, director);
  }

  /** What nobody who may has ordered: by a stolen director's key, or by one that nobody knows. */
  byte[] misdirected(DesiredDocument document, boolean stolen) {
    return signed(document, stolen ? director : thief);
  }

  private static byte[] signed(DesiredDocument document, SigningKey by) {
    byte[] payload = ProtocolCodec.encode(document);
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
