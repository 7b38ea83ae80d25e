package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.api.Judging;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.control.TestControlPlane;
import io.skerry.control.registry.Registry;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ModelImportTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  private static final byte[] MODEL =
      ModelProto.newBuilder()
          .setIrVersion(8)
          .setProducerName("test")
          .setGraph(GraphProto.newBuilder().setName("nothing"))
          .build()
          .toByteArray();

  private final Set<Path> before = new HashSet<>();
  @TempDir private Path folder;

  // A packager that is there, and does nothing.
  @BeforeEach
  void packagerIsThere() throws IOException {
    Path target = Files.createDirectories(folder.resolve("model-packager/pipeline/target"));
    Files.writeString(target.resolve("classpath.txt"), "");
    System.setProperty("skerry.home", folder.toString());
  }

  @AfterEach
  void packagerIsGone() {
    System.clearProperty("skerry.home");
  }

  /** Calibration data may be anything of anybody's, and uploads of many megabytes fill a disk. */
  @AfterEach
  void nothingThatWasUploadedIsLeft() throws IOException {
    awaitUploads(true);
  }

  // Ends late where what is waited for never comes.
  private void awaitUploads(boolean none) throws IOException {
    Instant end = Instant.now().plusSeconds(10);
    while (uploads().isEmpty() != none && Instant.now().isBefore(end)) {
      Thread.onSpinWait();
    }
    assertThat(uploads().isEmpty()).as("uploads: %s", uploads()).isEqualTo(none);
  }

  private List<Path> uploads() throws IOException {
    try (Stream<Path> files = Files.list(plane.data().resolve("uploads"))) {
      return files.toList();
    }
  }

  @Test
  void forgetsUploadsOfRequestsThatAreRefusedBeforeTheyAreRead() throws Exception {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "emulatedItems", "0");
    assertThat(bring("refused", "a.onnx", MODEL, "inputs.npy", MODEL, body).statusCode())
        .isEqualTo(400);

    ByteArrayOutputStream half = new ByteArrayOutputStream();
    part(half, "file", "a.onnx", MODEL);
    half.writeBytes("--edge--\r\n".getBytes(StandardCharsets.US_ASCII));
    assertThat(put("refused", plane.token(), half).body())
        .contains("part 'calibration' is missing: send the model as 'file'");
    assertThat(put("refused", "nobody", half).statusCode()).isEqualTo(401);

    ByteArrayOutputStream more = new ByteArrayOutputStream();
    part(more, "other", "a.onnx", MODEL);
    bring("refused", "a.onnx", MODEL, "inputs.npy", MODEL, more);
  }

  @Test
  void forgetsAnUploadThatBreaksOff() throws Exception {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "file", "a.onnx", new byte[1 << 20]);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), plane.url().getPort())) {
      String head =
          "PUT /v1/models/broken/import HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
              .formatted(plane.token());
      socket
          .getOutputStream()
          .write(
              (head
                      + "Content-Type: multipart/form-data; boundary=edge\r\n"
                      + "Content-Length: 100000000\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(body.toByteArray());
      socket.getOutputStream().flush();
      awaitUploads(false);
    }
  }

  /** A disk that a refused upload fills up stays full: the server's database is on it. */
  @Test
  void receivesNoFilesForWhichTheDiskHasNoRoom() throws Exception {
    Path uploads = plane.data().resolve("uploads");
    assumeThat(run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", uploads.toString()))
        .as("this user may mount a small disk")
        .isZero();
    try {
      HttpResponse<String> answer = bring("large", "a.onnx", new byte[6_000_000]);

      assertThat(answer.statusCode()).isEqualTo(507);
      assertThat(answer.body())
          .contains(
              "STORAGE_FULL", "6.0 MB are needed", "uploads' has 2.1 MB left", "make room there");
      assertThat(Files.getFileStore(uploads).getUsableSpace()).isEqualTo(2 << 20);
    } finally {
      assertThat(run("umount", uploads.toString())).isZero();
    }
  }

  @Test
  void asksHowLongTheFilesAreBeforeItReceivesThem() throws Exception {
    HttpResponse<String> answer =
        plane.send(
            plane
                .request("/v1/models/endless/import")
                .header("Authorization", "Bearer " + plane.token())
                .header("Content-Type", "multipart/form-data; boundary=edge")
                .PUT(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(MODEL))));

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("send it with a Content-Length");
  }

  /** What an archive unpacks to nobody announces. */
  @Test
  void unpacksNothingForWhichTheDiskHasNoRoom() throws Exception {
    Path imports = plane.data().resolve("imports");
    assumeThat(run("mount", "-t", "tmpfs", "-o", "size=130m", "tmpfs", imports.toString()))
        .as("this user may mount a small disk")
        .isZero();
    try {
      HttpResponse<String> answer =
          bring("unpacked", "a.onnx", MODEL, "inputs.zip", zip("calibration.npy", noise()));

      assertThat(answer.statusCode()).isEqualTo(507);
      assertThat(answer.body()).contains("STORAGE_FULL", "4.2 MB are needed", "import again");
      assertThat(imports()).isEmpty();
    } finally {
      assertThat(run("umount", imports.toString())).isZero();
    }
  }

  @Test
  void leavesTheRestOfTheServerItsRoom() {
    assertThatCode(() -> DiskRoom.require(folder, 1000, DiskRoom.KEPT_FREE + 1000))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> DiskRoom.require(folder, 1000, DiskRoom.KEPT_FREE + 999))
        .isInstanceOf(ProblemException.class);
  }

  @Test
  void refusesInputsThatAreOneNumber() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    NpyArray.ofFloats(new float[] {Float.NaN}).write(inputs);

    assertThat(bring("inputs.npy", Files.readAllBytes(inputs)).body())
        .contains("is one number: give items, along the first dimension");
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  @BeforeEach
  void lookAtImports() throws IOException {
    Files.createDirectories(plane.data().resolve("imports"));
    before.addAll(imports());
  }

  @Test
  void refusesInputsThatAreTooFewToBothCalibrateAndJudge() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    NpyArray.ofFloats(Arrays.copyOf(numbers().floats(), 19), 19, 1).write(inputs);

    HttpResponse<String> answer = bring("inputs.npy", Files.readAllBytes(inputs));

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("'inputs.npy' holds 19 items, at least 20 are needed");
    assertThat(plane.get("/v1/models/tiny").statusCode()).isEqualTo(404);
  }

  /** The packager would refuse them, and the version could never be packaged. */
  @Test
  void refusesInputsThatAreNoNumbersOrAllTheSame() throws Exception {
    Path file = folder.resolve("array.npy");
    numbers().write(file);
    byte[] good = Files.readAllBytes(file);
    NpyArray.ofFloats(new float[20], 20, 1).write(file);
    byte[] still = Files.readAllBytes(file);
    float[] values = numbers().floats().clone();
    values[7] = Float.NEGATIVE_INFINITY;
    NpyArray.ofFloats(values, 10, 2).write(file);
    byte[] endless = Files.readAllBytes(file);

    assertThat(bring("inputs.npy", still).body())
        .contains("'calibration.npy' holds 0.0 everywhere", "give real items");
    assertThat(bring("d.zip", zip("calibration.npy", good, "evaluation_x.npy", still)).body())
        .contains("'evaluation_x.npy' holds 0.0 everywhere", "give real items");
    HttpResponse<String> answer =
        bring("d.zip", zip("calibration.npy", good, "evaluation_x.npy", endless));
    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body())
        .contains("'evaluation_x.npy': element 1 of item 3 is -Infinity", "leave the item out");
    assertThat(bring("d.zip", zip("calibration.npy", endless)).body())
        .contains("'calibration.npy': element 1 of item 3 is -Infinity");
    assertThat(plane.get("/v1/models/tiny").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  private static NpyArray numbers() {
    float[] values = new float[20];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return NpyArray.ofFloats(values, values.length, 1);
  }

  @Test
  void refusesCalibrationDataOfAnotherKind() throws Exception {
    assertThat(bring("inputs.csv", new byte[8]).body())
        .contains("'inputs.csv' is neither an .npy file of inputs nor a .zip");
  }

  @Test
  void keepsWeightsThatLieBesideTheModel() throws Exception {
    byte[] zip =
        zip(
            "./",
            new byte[0],
            "./net/",
            new byte[0],
            "./net/model.onnx",
            model("w.bin", "4"),
            "net/w.bin",
            new byte[8],
            "net/x",
            new byte[1]);

    bring("outside-weights", "net.zip", zip);

    assertThat(plane.get("/v1/models/outside-weights/versions/1").body())
        .contains("\"weights\":[{\"name\":\"w.bin\",\"blob\":\"sha256:")
        .contains("\"bytes\":8}]");
    Path to = Files.createDirectory(folder.resolve("input"));
    plane.bean(Registry.class).copyModel(new ModelVersion(new ModelName("outside-weights"), 1), to);
    assertThat(to.resolve("model.onnx")).hasBinaryContent(model("w.bin", "4"));
    assertThat(to.resolve("w.bin")).hasBinaryContent(new byte[8]);
    assertThat(to.resolve("x")).doesNotExist();
  }

  @Test
  void refusesAModelWhoseWeightsDidNotCome() throws Exception {
    assertThat(bring("missing-weights", "net.onnx", model("w.bin", "4")).body())
        .contains("model 'net.onnx': constant 'w' lies in 'w.bin', which is no regular file beside")
        .contains("both are sent together as one .zip");
    assertThat(bring("missing-weights", "net.zip", zip("a.onnx", model("w.bin", "4"))).body())
        .contains("model 'net.zip': constant 'w' lies in 'w.bin', which is no regular file");
    assertThat(
            bring("missing-weights", "n.zip", zip("a.onnx", model("../w", "4"), "w", new byte[8]))
                .body())
        .contains("constant 'w' lies at '../w', outside the model's folder");
    assertThat(
            bring("missing-weights", "n.zip", zip("a.onnx", model("w", "9"), "w", new byte[8]))
                .body())
        .contains("constant 'w' is said to be bytes 0 to 9 of 'w', which has 8");
    assertThat(plane.get("/v1/models/missing-weights").statusCode()).isEqualTo(404);
  }

  @Test
  void refusesArchivesThatAreNotOneModel() throws Exception {
    byte[] one = model("w", "4");
    assertThat(bring("bad", "n.zip", zip("../a.onnx", one)).body()).contains("leaves its folder");
    assertThat(bring("bad", "n.zip", zip("/a.onnx", one)).body()).contains("leaves its folder");
    assertThat(bring("bad", "n.zip", zip("a.onnx", one, "b.onnx", one)).body())
        .contains("'n.zip' holds 2 models, one is needed: [a.onnx, b.onnx]");
    assertThat(bring("bad", "n.zip", zip("a.onnx", one, "./a.onnx", one)).body())
        .contains("'n.zip' holds 'a.onnx' twice");
    assertThat(bring("bad", "n.zip", zip("w", one)).body()).contains("holds no .onnx or .tflite");
    assertThat(bring("bad", "n.zip", one).body()).contains("'n.zip' is no ZIP file");
    byte[] whole = zip("a.onnx", new byte[100_000]);
    assertThat(bring("bad", "n.zip", Arrays.copyOf(whole, whole.length / 2)).body())
        .contains("'n.zip' is no ZIP file, or it is damaged");
    assertThat(bring("bad", "n.zip", zip("a.onnx", new byte[(240 << 20) + 1])).body())
        .contains("'n.zip' is larger than 240 MiB");
    assertThat(plane.get("/v1/models/bad").statusCode()).isEqualTo(404);
  }

  @Test
  void boundsWhatAnArchiveMayHold() throws Exception {
    byte[] one = model("w", "4");
    String deep = "a/".repeat(16) + "w";
    String big = "holds_names_of".repeat(20);
    byte[] bomb = zip("__MACOSX/x", new byte[(240 << 20) + 1], "a.onnx", one);

    assertThat(bring("bad", "n.zip", bomb).body()).contains("'n.zip' is larger than 240 MiB");
    assertThat(bring("bad", "n.zip", zip("a.onnx", one, deep, one)).body())
        .contains("names have up to 255 bytes and lie up to 15 folders deep");
    assertThat(bring("bad", "n.zip", zip("a.onnx", one, big, one)).body())
        .contains("names have up to 255 bytes");
    // Of one name there is one: a file or a folder, in whatever order and however deep.
    for (byte[] both :
        List.of(
            zip("a.onnx", one, "w", one, "w/w", one),
            zip("a.onnx", one, "w", one, "w/w/w", one),
            zip("a.onnx", one, "w/w/w", one, "w", one),
            zip("a.onnx", one, "w/", new byte[0], "w", one),
            zip("a.onnx", one, "w", one, "./w/", new byte[0]))) {
      assertThat(bring("bad", "n.zip", both).body())
          .contains("REQUEST_INVALID", "'n.zip' holds 'w' both as a file and as a folder");
    }
    Object[] many = new Object[2 * 2001];
    for (int i = 0; i < many.length; i += 2) {
      many[i] = "w" + i;
      many[i + 1] = new byte[0];
    }
    assertThat(bring("bad", "n.zip", zip(many)).body()).contains("has more than 2000 files");
    assertThat(plane.get("/v1/models/bad").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  @Test
  void trustsNoCalibrationArchiveEither() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    byte[] good = Files.readAllBytes(inputs);
    byte[] whole = zip("noise", noise(), "calibration.npy", good);

    assertThat(bring("c.zip", zip("a/calibration.npy", good, "calibration.npy", good)).body())
        .contains("'c.zip' holds 'calibration.npy' twice");
    assertThat(bring("c.zip", zip("../calibration.npy", good)).body())
        .contains("leaves its folder");
    assertThat(bring("c.zip", Arrays.copyOf(whole, whole.length / 2)).body())
        .contains("'c.zip' is no ZIP file, or it is damaged");
    assertThat(plane.get("/v1/models/tiny").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  /** A detector's output says boxes, which no shape tells: whoever brings it says so. */
  @Test
  void judgesAVersionAsItsImportSaid() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    byte[] array = Files.readAllBytes(inputs);
    byte[] data =
        zip("calibration.npy", array, "evaluation_x.npy", array, "evaluation_y.npy", array);

    HttpResponse<String> answer =
        bring("detector", "a.onnx", MODEL, "data.zip", data, saying("meanAveragePrecision"));

    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    assertThat(job("detector", Judging.BY_DATA))
        .containsEntry("metric", "meanAveragePrecision")
        .containsEntry("boxes", "centres")
        .containsEntry("maxDrop", .02)
        .doesNotContainKey("scoreOutput");
    assertThat(job("detector", new Judging("meanIou", null, "masks", null)))
        .containsEntry("metric", "meanIou")
        .containsEntry("scoreOutput", "masks")
        .doesNotContainKeys("boxes", "maxDrop");
  }

  /** A file may leave more than its batch open, and no server could package it. */
  @Test
  void packagesAVersionWithTheInputThatItsImportSaid() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    byte[] array = Files.readAllBytes(inputs);
    for (String wrong : List.of("x", "image=3,224", "image=1", "=1,3,x", "image=1,0")) {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      part(body, "inputShape", wrong);

      HttpResponse<String> answer = bring("open", "a.onnx", MODEL, "inputs.npy", array, body);

      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(400);
      assertThat(answer.body()).contains("the batch first");
    }
    assertThat(plane.get("/v1/models/open").statusCode()).isEqualTo(404);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "inputShape", "image=1,3,224,224");

    assertThat(bring("open", "a.onnx", MODEL, "inputs.npy", array, body).statusCode())
        .isEqualTo(202);

    assertThat(job("open", Judging.BY_DATA)).containsEntry("inputShape", "image=1,3,224,224");
  }

  @Test
  void registersNothingThatCannotBeJudgedAsSaid() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    byte[] array = Files.readAllBytes(inputs);

    for (String metric : List.of("meanAveragePrecision", "mAP")) {
      HttpResponse<String> answer =
          bring("unjudged", "a.onnx", MODEL, "inputs.npy", array, saying(metric));

      assertThat(answer.statusCode()).isEqualTo(400);
      assertThat(answer.body())
          .contains(metric.equals("mAP") ? "'mAP' is none of" : "needs labels: bring evaluation_x");
    }
    assertThat(plane.get("/v1/models/unjudged").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  private static ByteArrayOutputStream saying(String metric) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "metric", metric);
    part(body, "boxes", "centres");
    part(body, "maxDrop", "0.02");
    return body;
  }

  private Map<String, Object> job(String model, Judging judging) throws Exception {
    Path job = Files.createTempDirectory(folder, "job").resolve("in");
    plane
        .bean(PackagingInput.class)
        .write(
            job,
            plane.bean(Registry.class).version(new ModelVersion(new ModelName(model), 1)),
            List.of("arm64-neon"),
            1,
            0,
            judging);
    return new HashMap<>(JobFolder.at(job).spec().keys());
  }

  /** Nobody can use a version that cannot be packaged, and a second try would make another. */
  @Test
  void registersNothingThatCannotBePackaged() throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    part(body, "profiles", "profiles", "toaster".getBytes(StandardCharsets.US_ASCII));

    HttpResponse<String> answer =
        bring("unpackable", "a.onnx", MODEL, "inputs.npy", Files.readAllBytes(inputs), body);

    assertThat(answer.body()).contains("hardware profile 'toaster' is unknown");
    assertThat(plane.get("/v1/models/unpackable").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  @Test
  void registersNothingWhereThePackagerIsNotBuilt() throws Exception {
    packagerIsGone();

    assertThat(bring("unbuilt", "a.onnx", MODEL).body())
        .contains("packaging cannot start", "classpath.txt is missing: build it with");

    assertThat(plane.get("/v1/models/unbuilt").statusCode()).isEqualTo(404);
    assertThat(imports()).isEmpty();
  }

  @Test
  void removesWhatACrashLeftOfAnImportAndNothingElse() throws Exception {
    bring("kept-import", "a.onnx", MODEL);
    List<Path> kept = imports();
    Path left = Files.createDirectories(plane.data().resolve("imports/left/model"));
    for (Path one : Stream.concat(kept.stream(), Stream.of(left.resolveSibling(""))).toList()) {
      Files.setLastModifiedTime(one, FileTime.fromMillis(0));
    }

    plane.bean(ModelImport.class).sweep();

    assertThat(left).doesNotExist();
    assertThat(kept).isNotEmpty().allMatch(Files::exists);
  }

  private static byte[] model(String location, String length) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .setGraph(
            GraphProto.newBuilder()
                .addInitializer(
                    TensorProto.newBuilder()
                        .setName("w")
                        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                        .addExternalData(entry("location", location))
                        .addExternalData(entry("length", length))))
        .build()
        .toByteArray();
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  private static byte[] zip(Object... namesAndContents) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (int i = 0; i < namesAndContents.length; i += 2) {
        zip.putNextEntry(new ZipEntry((String) namesAndContents[i]));
        zip.write((byte[]) namesAndContents[i + 1]);
      }
    }
    return bytes.toByteArray();
  }

  private HttpResponse<String> bring(String name, byte[] calibration) throws Exception {
    return bring("tiny", "tiny.onnx", new byte[] {8, 8, 0, 0, 0, 0, 0, 0}, name, calibration);
  }

  private HttpResponse<String> bring(String model, String file, byte[] content) throws Exception {
    Path inputs = folder.resolve("inputs.npy");
    numbers().write(inputs);
    return bring(model, file, content, "inputs.npy", Files.readAllBytes(inputs));
  }

  // Does not get smaller in an archive.
  private static byte[] noise() {
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    return noise;
  }

  private List<Path> imports() throws IOException {
    try (Stream<Path> folders = Files.list(plane.data().resolve("imports"))) {
      return folders.filter(one -> !before.contains(one)).toList();
    }
  }

  private HttpResponse<String> bring(
      String model, String file, byte[] content, String name, byte[] calibration) throws Exception {
    return bring(model, file, content, name, calibration, new ByteArrayOutputStream());
  }

  private HttpResponse<String> bring(
      String model,
      String file,
      byte[] content,
      String name,
      byte[] calibration,
      ByteArrayOutputStream body)
      throws Exception {
    part(body, "file", file, content);
    part(body, "calibration", name, calibration);
    body.writeBytes("--edge--\r\n".getBytes(StandardCharsets.US_ASCII));
    return put(model, plane.token(), body);
  }

  private HttpResponse<String> put(String model, String token, ByteArrayOutputStream body)
      throws Exception {
    return plane.send(
        plane
            .request("/v1/models/%s/import".formatted(model))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "multipart/form-data; boundary=edge")
            .PUT(BodyPublishers.ofByteArray(body.toByteArray())));
  }

  private static void part(ByteArrayOutputStream body, String name, String value) {
    body.writeBytes(
        "--edge\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
            .formatted(name, value)
            .getBytes(StandardCharsets.US_ASCII));
  }

  private static void part(ByteArrayOutputStream body, String name, String file, byte[] content) {
    String head =
        "--edge\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n\r\n"
            .formatted(name, file);
    body.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
    body.writeBytes(content);
    body.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
  }
}
