package io.skerry.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.sign.SigningKey;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An artifact is an OCI image layout: a tool that knows nothing of us reads it. */
class SkopeoTest {
  private static final Path SKOPEO = Path.of("/usr/bin/skopeo");

  @TempDir Path folder;
  private OciLayout written;

  @BeforeEach
  void write() throws IOException {
    assumeThat(SKOPEO).as("skopeo, Debian's package of this name").isExecutable();
    written =
        new ArtifactWriter(
                new ModelVersion(new ModelName("engine-health"), 3),
                new ProfileId("x86-64-vnni"),
                Engine.ONNXRUNTIME,
                Precision.INT8,
                7,
                new ModelSignature(
                    List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 2L))),
                    List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", new byte[1000])
            .write(folder.resolve("a"), SigningKey.ofSeed(new byte[32]));
  }

  @Test
  void readsTheModelAndTheSignatureByTheirNames() throws Exception {
    byte[] model = skopeo("inspect", "--raw", "oci:%s:model".formatted(written.folder()));
    byte[] signature = skopeo("inspect", "--raw", "oci:%s:signature".formatted(written.folder()));

    assertThat(Digest.of(model)).isEqualTo(written.model());
    assertThat(new String(model, StandardCharsets.UTF_8))
        .contains("\"artifactType\":\"application/vnd.skerry.model.v1\"");
    assertThat(signature).isNotEmpty();
  }

  @Test
  void copiesEveryBlob() throws Exception {
    Path copy = folder.resolve("copy");

    skopeo(
        "--insecure-policy",
        "copy",
        "oci:%s:model".formatted(written.folder()),
        "oci:%s:model".formatted(copy));

    for (Layer layer : manifest().layers()) {
      assertThat(copy.resolve("blobs/sha256").resolve(layer.digest().hex())).exists();
    }
  }

  private ArtifactManifest manifest() throws IOException {
    ArtifactReader reader =
        new ArtifactReader(
            BlobSource.ofLayout(written.folder()),
            ReleaseCheck.byKeys(List.of(SigningKey.ofSeed(new byte[32]).verificationKey())));
    return reader.manifest(written.model(), written.signature());
  }

  private byte[] skopeo(String... arguments) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    List<String> command = new ArrayList<>(List.of(SKOPEO.toString()));
    command.addAll(List.of(arguments));
    int exit =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start()
            .waitFor();
    assertThat(exit).as(Files.readString(err)).isZero();
    return Files.readAllBytes(out);
  }
}
