package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.trust.TrustFixture;
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
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvenReleaseTest {
  @TempDir Path folder;

  private final TrustFixture keys = new TrustFixture();
  private final SigningKey release = SigningKey.generate();
  private final SigningKey next = SigningKey.generate();
  private final DsseEnvelope first = keys.root(1, release, release);
  private Trust trust = Trust.pinned(first, RootDocument.fingerprint(first));
  private final ProvenRelease proven = new ProvenRelease(() -> trust);
  private DsseEnvelope envelope;

  @BeforeEach
  void sign() throws IOException {
    OciLayout layout =
        new ArtifactWriter(
                new ModelVersion(new ModelName("pump"), 3),
                new ProfileId("rpi5-int8"),
                Engine.ONNXRUNTIME,
                Precision.INT8,
                1,
                new ModelSignature(
                    List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L))),
                    List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1, 2, 3})
            .write(folder, release);
    envelope = DsseEnvelope.parseJson(Files.readAllBytes(layout.blob(layout.signature())));
  }

  @Test
  void tellsTheSameOfTheSameAgain() {
    ArtifactManifest once = proven.released(envelope);

    assertThat(proven.released(envelope)).isEqualTo(once);
  }

  @Test
  void believesAKeyNoLongerThanTheTrustDoes() {
    proven.released(envelope);

    trust = trust.withRoot(keys.root(2, next, next));

    assertThatThrownBy(() -> proven.released(envelope)).isInstanceOf(ArtifactException.class);
  }

  @Test
  void believesNothingOfAnEnvelopeForWhatAnotherProved() {
    proven.released(envelope);
    byte[] manifest = envelope.unverifiedPayload();
    byte[] changed =
        new String(manifest, StandardCharsets.UTF_8)
            .replace("\"3\"", "\"4\"")
            .getBytes(StandardCharsets.UTF_8);
    DsseEnvelope other = new DsseEnvelope(envelope.payloadType(), changed, envelope.signatures());
    DsseEnvelope byOther = Dsse.sign(envelope.payloadType(), manifest, next);

    assertThat(changed).isNotEqualTo(manifest);
    assertThatThrownBy(() -> proven.released(other)).isInstanceOf(ArtifactException.class);
    assertThatThrownBy(() -> proven.released(byOther)).isInstanceOf(ArtifactException.class);
  }

  @Test
  void asksAgainAfterARefusal() {
    DsseEnvelope byOther = Dsse.sign(envelope.payloadType(), envelope.unverifiedPayload(), next);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> proven.released(byOther)).isInstanceOf(ArtifactException.class);
    }

    trust = trust.withRoot(keys.root(2, next, next));

    assertThat(proven.released(byOther).releaseCounter()).isEqualTo(1);
  }
}
