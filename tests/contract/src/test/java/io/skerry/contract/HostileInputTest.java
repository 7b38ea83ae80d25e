package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.skerry.agent.identity.EnrolmentException;
import io.skerry.agent.identity.IdentityReaders;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.control.ca.CertificateRequest;
import io.skerry.control.web.ProblemException;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever is read from a stranger is either taken or refused with the reader's own exception: no
 * other gets out, whichever bytes are changed, cut, doubled or put in. The seed is fixed.
 */
class HostileInputTest {
  private static final int ROUNDS = 2000;
  private static final SigningKey KEY = SigningKey.generate();
  private static final Role ROLE = Role.of(KEY.verificationKey());
  private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");
  private static final RootDocument ROOT =
      new RootDocument(
          1, NOW.plusSeconds(9), ROLE, ROLE, ROLE, ROLE, List.of(), Map.of(name("m"), 3L));

  private interface Reader {
    void read(byte[] bytes) throws Exception;
  }

  private static ModelName name(String name) {
    return new ModelName(name);
  }

  static Stream<Arguments> readers() throws Exception {
    Path folder = Files.createTempDirectory("skh");
    byte[] manifest = manifest(folder.resolve("artifact"));
    String request = IdentityReaders.request(folder);
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    return Stream.of(
        reader(
            "desired", desired(), ProtocolCodec::decodeDesired, MalformedDocumentException.class),
        reader(
            "reported",
            reported(),
            ProtocolCodec::decodeReported,
            MalformedDocumentException.class),
        reader(
            "status",
            ProtocolCodec.encode(new DeviceStatus(true, 7, NOW, "instance")),
            ProtocolCodec::decodeStatus,
            MalformedDocumentException.class),
        reader(
            "committed",
            ProtocolCodec.encode(List.of(new CommittedRange(RecordStream.EVENTS, 3, 9))),
            ProtocolCodec::decodeCommitted,
            MalformedDocumentException.class),
        reader(
            "envelope",
            Dsse.sign("type", new byte[40], KEY).toJson(),
            DsseEnvelope::parseJson,
            SignatureInvalidException.class),
        reader("manifest", manifest, ArtifactManifest::parse, ArtifactException.class),
        reader(
            "root",
            ROOT.signedBy(List.of(KEY)).unverifiedPayload(),
            payload -> {
              DsseEnvelope signed = Dsse.sign(RootDocument.PAYLOAD_TYPE, payload, KEY);
              Trust.pinned(signed, RootDocument.fingerprint(signed));
            },
            TrustException.class),
        reader(
            "snapshot",
            new Snapshot(4, NOW, NOW.plusSeconds(60), 1, Map.of(name("m"), 3L))
                .signedBy(KEY)
                .unverifiedPayload(),
            payload -> Snapshot.open(Dsse.sign(Snapshot.PAYLOAD_TYPE, payload, KEY), ROLE),
            TrustException.class),
        reader("trust on disk", trust().toBytes(), Trust::ofBytes, TrustException.class),
        reader("token", token(), text(IdentityReaders::token), EnrolmentException.class),
        reader(
            "certificate",
            IdentityReaders.pem(new LinkAuthority().device("d1").certificate())
                .getBytes(StandardCharsets.US_ASCII),
            text(IdentityReaders::certificates),
            CertificateException.class),
        reader(
            "certificate request",
            request.getBytes(StandardCharsets.US_ASCII),
            text(CertificateRequest::parse),
            ProblemException.class));
  }

  private static Arguments reader(
      String what, byte[] good, Reader reader, Class<? extends Exception> refusal) {
    return Arguments.of(what, good, reader, refusal);
  }

  private interface TextReader {
    void read(String text) throws Exception;
  }

  private static Reader text(TextReader reader) {
    return bytes -> reader.read(new String(bytes, StandardCharsets.ISO_8859_1));
  }

  private static byte[] desired() {
    Digest digest = Digest.of(new byte[1]);
    return ProtocolCodec.encode(
        new DesiredDocument(
            new TenantId("default"),
            new DeviceId("d1"),
            new Generation(3, 4),
            NOW,
            Optional.of(NOW.plusSeconds(60)),
            List.of(
                new DesiredSlot(
                    new SlotId("main"),
                    3,
                    new ModelVersion(name("m"), 2),
                    digest,
                    digest,
                    URI.create("https://localhost:8443/v1/blobs"),
                    Optional.empty(),
                    new SamplingRates(0.1, 1),
                    Duration.ofSeconds(60),
                    20,
                    Duration.ofMinutes(5)))));
  }

  private static byte[] reported() {
    return ProtocolCodec.encode(
        new ReportedDocument(
            new TenantId("default"),
            new DeviceId("d1"),
            4,
            5,
            NOW,
            new Generation(3, 4),
            new Generation(3, 4),
            List.of(),
            new DeviceFacts("x86-64", List.of("avx2"), 4, 1L << 30, List.of(), List.of("e/c"), "b"),
            "0.1",
            Map.of(RecordStream.SAMPLES, 3L),
            DeviceHealth.UNKNOWN));
  }

  private static byte[] manifest(Path folder) throws IOException {
    OciLayout layout =
        new ArtifactWriter(
                new ModelVersion(name("m"), 2),
                new ProfileId("x86-64-avx2"),
                Engine.ONNXRUNTIME,
                Precision.FP32,
                2,
                new ModelSignature(
                    List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 4L))),
                    List.of(new TensorSpec("y", ElementType.FP32, List.of(-1L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", new byte[300])
            .write(folder, KEY);
    return Files.readAllBytes(layout.folder().resolve("blobs/sha256/" + layout.model().hex()));
  }

  private static Trust trust() {
    DsseEnvelope root = ROOT.signedBy(List.of(KEY));
    return Trust.pinned(root, RootDocument.fingerprint(root));
  }

  private static byte[] token() {
    String hex = "0a".repeat(32);
    String json =
        "{\"url\":\"https://localhost:8443\",\"secret\":\"s\",\"ca\":\"%s\",\"root\":\"%s\"}"
            .formatted(hex, hex);
    return ("skerry1."
            + Base64.getUrlEncoder().encodeToString(json.getBytes(StandardCharsets.UTF_8)))
        .getBytes(StandardCharsets.US_ASCII);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("readers")
  void takesOrRefuses(String what, byte[] good, Reader reader, Class<? extends Exception> refusal)
      throws Exception {
    reader.read(good);
    Random random = new Random(5);
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
      byte[] bad = changed(good, random);
      try {
        reader.read(bad);
      } catch (Exception e) {
        refused++;
        if (!refusal.isInstance(e)) {
          fail(
              "%s, round %d: %s".formatted(what, round, Base64.getEncoder().encodeToString(bad)),
              e);
        }
      }
    }
    assertThat(refused).isGreaterThan(ROUNDS / 10);
  }

  private static byte[] changed(byte[] good, Random random) {
    byte[] bytes = good.clone();
    for (int changes = 1 + random.nextInt(4); changes > 0 && bytes.length > 0; changes--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes = Arrays.copyOf(bytes, at);
        case 3 -> bytes = joined(bytes, at, Arrays.copyOfRange(bytes, 0, at));
        case 4 -> {
          byte[] noise = new byte[1 + random.nextInt(40)];
          random.nextBytes(noise);
          bytes = joined(bytes, at, noise);
        }
        default -> {
          String[] words = {"null", "-1", "1e999", "{}", "[]", "99999999999999999999", "\"\""};
          bytes =
              joined(
                  bytes,
                  at,
                  words[random.nextInt(words.length)].getBytes(StandardCharsets.US_ASCII));
        }
      }
    }
    return bytes;
  }

  private static byte[] joined(byte[] bytes, int at, byte[] middle) {
    byte[] whole = Arrays.copyOf(bytes, bytes.length + middle.length);
    System.arraycopy(middle, 0, whole, at, middle.length);
    System.arraycopy(bytes, at, whole, at + middle.length, bytes.length - at);
    return whole;
  }
}
