package io.skerry.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactTest {
  private static final SigningKey KEY = SigningKey.ofSeed(new byte[32]);
  private static final ReleaseCheck TRUSTED = ReleaseCheck.byKeys(List.of(KEY.verificationKey()));
  private static final byte[] MODEL = randomBytes(3 * Layer.CHUNK_BYTES / 2);
  private static final ModelSignature TENSORS =
      new ModelSignature(
          List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 14L, 30L))),
          List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L))));
  private static final GoldenSet GOLDEN =
      new GoldenSet(
          new Tolerance(1e-3, 0),
          List.of(
              new GoldenCase(
                  List.of(GoldenTensor.ofFloats("input", List.of(1L, 2L), 1, 2)),
                  List.of(GoldenTensor.ofFloats("score", List.of(1L, 1L), .5f)))));

  @TempDir Path folder;

  private static byte[] randomBytes(int count) {
    byte[] bytes = new byte[count];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static ArtifactWriter writer() {
    return new ArtifactWriter(
            new ModelVersion(new ModelName("engine-health"), 3),
            new ProfileId("x86-64-vnni"),
            Engine.ONNXRUNTIME,
            Precision.INT8,
            7,
            TENSORS)
        .add(LayerType.MODEL_ONNX, "model.onnx", MODEL)
        .add(GOLDEN);
  }

  @Test
  void readsWhatItWrote() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);

    ArtifactReader reader = new ArtifactReader(BlobSource.ofLayout(folder.resolve("a")), TRUSTED);
    ArtifactManifest manifest = reader.manifest(written.model(), written.signature());

    assertThat(manifest.model()).hasToString("engine-health@3");
    assertThat(manifest.profile()).hasToString("x86-64-vnni");
    assertThat(manifest.engine()).isEqualTo(Engine.ONNXRUNTIME);
    assertThat(manifest.precision()).isEqualTo(Precision.INT8);
    assertThat(manifest.releaseCounter()).isEqualTo(7);
    assertThat(manifest.tensors()).isEqualTo(TENSORS);
    assertThat(manifest.modelLayer().chunks()).hasSize(2);
    assertThat(reader.read(manifest.modelLayer())).isEqualTo(MODEL);
    assertThat(reader.golden(manifest)).contains(GOLDEN);
    assertThat(OciLayout.read(folder.resolve("a"))).isEqualTo(written);
    assertThat(written.blobs()).hasSize(6);
  }

  @Test
  void writesTheSameBytesTwiceButForWhatWasMeasured() throws IOException {
    writer().write(folder.resolve("a"), KEY);
    writer().write(folder.resolve("b"), KEY);
    OciLayout measured =
        writer()
            .add(
                LayerType.MEASUREMENTS, "measurements.json", "{}1".getBytes(StandardCharsets.UTF_8))
            .write(folder.resolve("c"), KEY);

    assertThat(files(folder.resolve("a"))).isEqualTo(files(folder.resolve("b")));
    assertThat(measured.model()).isEqualTo(OciLayout.read(folder.resolve("a")).model());
    assertThat(measured.signature()).isEqualTo(OciLayout.read(folder.resolve("a")).signature());
    assertThat(measured.blobs()).hasSize(7);
  }

  @Test
  void keepsItsFormat() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);

    assertThat(folder.resolve("a/oci-layout")).hasContent("{\"imageLayoutVersion\":\"1.0.0\"}");
    assertThat(Files.readString(folder.resolve("a/index.json")))
        .startsWith(
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:")
        .contains("{\"org.opencontainers.image.ref.name\":\"model\"}")
        .contains("{\"org.opencontainers.image.ref.name\":\"signature\"}");
    assertThat(written.model().hex())
        .isEqualTo("931b3ff0897a86e222cf91b37d1da3039d5cfa3f30b86d686ef8d2555789afd4");
    assertThat(written.signature().hex())
        .isEqualTo("7cdb8c5a754d86a4d633f346445ccd75b494be2803b4a3fd746b4fac42ddfdf7");
  }

  @Test
  void noticesEveryFlippedBit() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);
    Map<Digest, byte[]> blobs = blobs(written);
    ArtifactManifest manifest =
        reader(blobs, TRUSTED).manifest(written.model(), written.signature());
    Random random = new Random(7);

    for (Digest digest :
        List.of(
            written.signature(),
            manifest.modelLayer().digest(),
            manifest.layer(LayerType.GOLDEN).orElseThrow().digest())) {
      for (int i = 0; i < 30; i++) {
        byte[] bytes = blobs.getOrDefault(digest, new byte[0]).clone();
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        Map<Digest, byte[]> changed = new HashMap<>(blobs);
        changed.put(digest, bytes);

        assertRefused(ErrorCode.ARTIFACT_DIGEST_MISMATCH, () -> readAll(changed, written));
      }
    }
  }

  @Test
  void noticesMissingTruncatedAndPaddedBlobs() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);
    Map<Digest, byte[]> blobs = blobs(written);
    Digest model = Digest.of(MODEL);

    Map<Digest, byte[]> missing = new HashMap<>(blobs);
    missing.remove(model);
    assertRefused(ErrorCode.ARTIFACT_NOT_FOUND, () -> readAll(missing, written));
    for (int length : new int[] {0, MODEL.length - 1, MODEL.length + 1}) {
      Map<Digest, byte[]> changed = new HashMap<>(blobs);
      changed.put(model, Arrays.copyOf(MODEL, length));
      assertRefused(ErrorCode.ARTIFACT_DIGEST_MISMATCH, () -> readAll(changed, written));
    }
  }

  @Test
  void refusesAnotherKeyAndAnotherManifest() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);
    Map<Digest, byte[]> blobs = blobs(written);
    ReleaseCheck others = ReleaseCheck.byKeys(List.of(SigningKey.generate().verificationKey()));

    assertRefused(
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        () -> reader(blobs, others).manifest(written.model(), written.signature()));
    assertRefused(
        ErrorCode.ARTIFACT_SIGNATURE_INVALID,
        () -> reader(blobs, TRUSTED).manifest(Digest.of(MODEL), written.signature()));
  }

  @Test
  void refusesASignedManifestThatIsNone() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);
    String manifest = Files.readString(written.blob(written.model()));
    Map<String, ErrorCode> wrong = new HashMap<>();
    for (String text :
        List.of(
            "",
            "[]",
            "{}",
            manifest.replace("\"model.onnx\"", "\"../model.onnx\""),
            manifest.replace("\"model.onnx\"", "\"/etc/passwd\""),
            manifest.replace("\"model.onnx\"", "\"a/b\""),
            manifest.replace("\"model.onnx\"", "\"\""),
            manifest.replace("model.onnx.v1", "model.exe.v1"),
            manifest.replace("model.onnx.v1", "golden.v1"),
            manifest.replace(
                "\"io.skerry.engine\":\"onnxruntime\"", "\"io.skerry.engine\":\"tflite\""),
            manifest.replace("\"io.skerry.version\":\"3\"", "\"io.skerry.version\":\"0\""),
            manifest.replace("\"io.skerry.version\":\"3\"", "\"io.skerry.version\":3.5"),
            manifest.replace("engine-health", "engine/health"),
            manifest.replace("\"size\":" + MODEL.length, "\"size\":-1"),
            manifest.replace("\"size\":" + MODEL.length, "\"size\":1e3"),
            manifest.replace("\"size\":" + MODEL.length, "\"size\":1"),
            manifest.replace("\"layers\":[", "\"layers\":[1,"),
            manifest.replace("sha256:", "sha512:"),
            manifest.replace("\"sha256:", "\"sha256:../../"),
            manifest.replace("FP32", "FP31"))) {
      wrong.put(text, ErrorCode.ARTIFACT_MALFORMED);
    }
    wrong.put(
        manifest.replace("\"size\":" + MODEL.length, "\"size\":-1"), ErrorCode.ARTIFACT_TOO_LARGE);
    wrong.put(" ".repeat(ArtifactManifest.BYTES_MAX) + manifest, ErrorCode.ARTIFACT_TOO_LARGE);

    wrong.forEach(
        (text, code) -> {
          byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
          byte[] envelope = Dsse.sign(ArtifactManifest.MEDIA_TYPE, bytes, KEY).toJson();
          Map<Digest, byte[]> blobs = Map.of(Digest.of(envelope), envelope);
          assertRefused(
              code, () -> reader(blobs, TRUSTED).manifest(Digest.of(bytes), Digest.of(envelope)));
        });
  }

  @Test
  void checksChunksOneByOne() {
    byte[] content = randomBytes(Layer.CHUNK_BYTES + 10);
    byte[] tail = Arrays.copyOfRange(content, Layer.CHUNK_BYTES, content.length);
    Layer layer =
        new Layer(
            LayerType.MODEL_ONNX,
            "model.onnx",
            Digest.of(content),
            content.length,
            List.of(Digest.of(Arrays.copyOf(content, Layer.CHUNK_BYTES)), Digest.of(tail)));

    assertThat(layer.isChunk(0, content, Layer.CHUNK_BYTES)).isTrue();
    assertThat(layer.isChunk(1, tail, 10)).isTrue();
    assertThat(layer.isChunk(1, tail, 9)).isFalse();
    assertThat(layer.isChunk(1, content, 10)).isFalse();
  }

  @Test
  void leavesNoFileOfALayerThatWasChanged() throws IOException {
    OciLayout written = writer().write(folder.resolve("a"), KEY);
    Map<Digest, byte[]> blobs = blobs(written);
    blobs.put(Digest.of(MODEL), new byte[MODEL.length]);
    ArtifactReader reader = reader(blobs, TRUSTED);
    Layer layer = reader.manifest(written.model(), written.signature()).modelLayer();
    Path file = folder.resolve("model.onnx");

    assertRefused(ErrorCode.ARTIFACT_DIGEST_MISMATCH, () -> reader.copy(layer, file));

    assertThat(file).doesNotExist();
  }

  @Test
  void refusesToWriteAnArtifactWithoutAModel() {
    ArtifactWriter writer =
        new ArtifactWriter(
            new ModelVersion(new ModelName("m"), 1),
            new ProfileId("p"),
            Engine.TFLITE,
            Precision.FP32,
            1,
            TENSORS);

    assertThatThrownBy(() -> writer.write(folder.resolve("a"), KEY))
        .isInstanceOf(ArtifactException.class)
        .hasMessageContaining("model.tflite");
    assertThat(folder.resolve("a")).doesNotExist();
  }

  private static void assertRefused(ErrorCode code, Runnable read) {
    ArtifactException thrown = catchThrowableOfType(ArtifactException.class, read::run);
    assertThat(thrown).isNotNull();
    assertThat(thrown.code()).as(thrown.getMessage()).isEqualTo(code);
  }

  private static void readAll(Map<Digest, byte[]> blobs, OciLayout layout) {
    ArtifactReader reader = reader(blobs, TRUSTED);
    reader.manifest(layout.model(), layout.signature()).layers().forEach(reader::verify);
  }

  private static ArtifactReader reader(Map<Digest, byte[]> blobs, ReleaseCheck check) {
    return new ArtifactReader(
        digest -> {
          byte[] bytes = blobs.get(digest);
          if (bytes == null) {
            throw new NoSuchFileException(digest.hex());
          }
          return new ByteArrayInputStream(bytes);
        },
        check);
  }

  private static Map<Digest, byte[]> blobs(OciLayout layout) throws IOException {
    Map<Digest, byte[]> blobs = new HashMap<>();
    for (Digest digest : layout.blobs()) {
      blobs.put(digest, Files.readAllBytes(layout.blob(digest)));
    }
    return blobs;
  }

  private static Map<String, String> files(Path root) throws IOException {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        files.put(root.relativize(path).toString(), Digest.of(Files.readAllBytes(path)).hex());
      }
    }
    return files;
  }
}
