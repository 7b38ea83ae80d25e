package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ArtifactReader;
import io.skerry.artifact.BlobSource;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.ReleaseCheck;
import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.PrivacyFilter;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tensorflow.lite.schema.ArgMaxOptionsT;
import org.tensorflow.lite.schema.BufferT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.BuiltinOptionsUnion;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorCodeT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.QuantizationParametersT;
import org.tensorflow.lite.schema.SoftmaxOptionsT;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;

@Tag("slow")
class PackagingTest {
  private static final List<String> PROFILES =
      List.of("x86-64-avx2", "x86-64-vnni", "arm64-neon", "arm64-dotprod");
  private static final int ITEMS = 200;

  @TempDir private Path folder;
  private final Graph graph = Nets.sensorNet(11);
  private final SigningKey key = SigningKey.generate();

  @BeforeEach
  void writeKey() throws Exception {
    key.write(folder.resolve("release.pem"));
  }

  @Test
  void packagesForEveryProfileAndSigns() throws Exception {
    JobFolder job = job(Map.of());

    int exit = JobMain.run(job, Main::run);

    assertThat(exit).isZero();
    JsonArray variants = variants(job.output().resolve("report.json"));
    for (String profile : PROFILES) {
      OciLayout layout = OciLayout.read(job.output().resolve(profile));
      ArtifactReader reader = reader(layout);
      ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
      assertThat(manifest.profile().value()).isEqualTo(profile);
      assertThat(manifest.releaseCounter()).isEqualTo(3);
      MonitoringManifest monitoring =
          MonitoringManifest.parseFrom(
              reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
      assertThat(monitoring.getResidual().getComponentsCount()).isPositive();
      JsonObject winner = winner(variants, profile);
      assertThat(winner.get("manifest").getAsString()).isEqualTo(layout.model().toString());
      assertThat(winner.get("signature").getAsString()).isEqualTo(layout.signature().toString());
      assertThat(winner.get("engine").getAsString()).isEqualTo(manifest.engine().text());
      assertThat(winner.get("rocAuc").getAsDouble()).isGreaterThan(0.98);
    }
    assertThat(job.progress()).isNotEmpty();
  }

  /** Of which the model as it came can only be run where that is done, too. */
  @Test
  void fixesAnInputThatTheFileLeavesOpen() throws Exception {
    JobFolder job = job(Map.of("inputShape", "input=1,14,30", "profiles", List.of("arm64-neon")));
    Path model = job.input("model/model.onnx");
    ModelProto.Builder open = ModelProto.parseFrom(Files.readAllBytes(model)).toBuilder();
    open.getGraphBuilder()
        .getInputBuilder(0)
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .getShapeBuilder()
        .setDim(2, TensorShapeProto.Dimension.newBuilder().setDimParam("time"));
    Files.write(model, open.build().toByteArray());

    assertThat(JobMain.run(job, Main::run)).isZero();

    OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
    ArtifactManifest manifest = reader(layout).manifest(layout.model(), layout.signature());
    assertThat(manifest.tensors().inputs().getFirst().elementsPerItem()).isEqualTo(14 * 30);
  }

  /**
   * ONNX Runtime fuses otherwise on other architectures: of those nothing is told. What XNNPACK
   * takes over, the file alone tells.
   */
  @Test
  void tellsWhatAnEngineLeavesUnfused() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon", "x86-64-avx2")));

    assertThat(JobMain.run(job, Main::run)).isZero();

    String here = FactsProbe.detect().arch().startsWith("x86") ? "x86-64-avx2" : "arm64-neon";
    for (JsonElement each : variants(job.output().resolve("report.json"))) {
      JsonObject variant = each.getAsJsonObject();
      boolean integers = variant.get("precision").getAsString().equals("int8");
      if (variant.get("engine").getAsString().equals("tflite")) {
        assertThat(variant.get("unfused").isJsonNull()).as("%s", variant).isFalse();
      } else if (!variant.get("profile").getAsString().equals(here)) {
        assertThat(variant.get("unfused").isJsonNull()).as("%s", variant).isTrue();
      } else if (integers) {
        assertThat(variant.getAsJsonArray("unfused")).as("%s", variant).isEmpty();
      }
    }
  }

  /** An artifact goes to every device: what devices sent may calibrate, but is not shipped. */
  @Test
  void takesGoldenInputsOfTheFirstItemsOnlyWhereSoManyAreNamed() throws Exception {
    JobFolder job = job(Map.of("goldenItems", 20, "profiles", List.of("x86-64-avx2")));

    assertThat(JobMain.run(job, Main::run)).isZero();

    OciLayout layout = OciLayout.read(job.output().resolve("x86-64-avx2"));
    ArtifactReader reader = reader(layout);
    GoldenSet golden =
        reader.golden(reader.manifest(layout.model(), layout.signature())).orElseThrow();
    assertThat(golden.cases()).hasSize(8);
    float[] values = items(1).floats();
    Set<ByteBuffer> first = new HashSet<>();
    for (int item = 0; item < 20; item++) {
      ByteBuffer bytes = ByteBuffer.allocate(420 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values, item * 420, 420);
      first.add(bytes);
    }
    assertThat(golden.cases())
        .allSatisfy(each -> assertThat(first).contains(each.inputs().getFirst().data()));
  }

  @Test
  void refusesGoldenItemsThatThereAreNot() throws Exception {
    JobFolder job = job(Map.of("goldenItems", ITEMS + 1, "profiles", List.of("x86-64-avx2")));

    assertThat(JobMain.run(job, Main::run)).isNotZero();

    assertThat(job.error().orElseThrow().detail())
        .contains("the first 201 of 200 items are wanted: 1 to 200 can be");
  }

  @Test
  void shippedFileReproducesItsGoldenOutputs() throws Exception {
    JobFolder job = job(Map.of());

    assertThat(JobMain.run(job, Main::run)).isZero();

    for (String profile : PROFILES) {
      OciLayout layout = OciLayout.read(job.output().resolve(profile));
      ArtifactReader reader = reader(layout);
      ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
      GoldenSet golden = reader.golden(manifest).orElseThrow();
      Path file = folder.resolve(profile + "-" + manifest.modelLayer().title());
      reader.copy(manifest.modelLayer(), file);
      assertThat(golden.cases()).hasSize(8);
      try (LoadedModel model = new Bench().load(manifest.engine(), file)) {
        assertThat(model.signature()).isEqualTo(manifest.tensors());
        for (GoldenCase each : golden.cases()) {
          Tensor output = model.run(inputs(each)).getFirst();
          assertThat(
                  each.difference(
                      output.name(),
                      output.type(),
                      output.shape(),
                      output.data(),
                      golden.tolerance(output.name())))
              .isEmpty();
        }
      }
    }
  }

  @Test
  void countsTheMonitoringBaselineOnTheReferenceItems() throws Exception {
    JobFolder job = job(Map.of("features", List.of(Map.of("name", "temperature", "offset", 29))));

    assertThat(JobMain.run(job, Main::run)).isZero();

    OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
    ArtifactReader reader = reader(layout);
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    MonitoringManifest monitoring =
        MonitoringManifest.parseFrom(
            reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
    assertThat(monitoring.getBaselineRows()).isEqualTo(ITEMS);
    assertThat(monitoring.getFeatures(0).getName()).isEqualTo("temperature");
    assertThat(monitoring.getFeatures(0).getOffset()).isEqualTo(29);
    assertThat(monitoring.getFeatures(0).getBins().getEdgesCount())
        .as("between 32 bins")
        .isEqualTo(31);
    assertThat(monitoring.getScore().getOutput()).isEqualTo("score");
    assertThat(monitoring.getScore().getBaselineList()).anyMatch(count -> count > 0);
  }

  /** The float model itself ships: of calibration and reference items it says different things. */
  @Test
  void givesARegressionBinsOfWhatItSaysOfTheReferenceItems() throws Exception {
    JobFolder job = job(Map.of("metric", "rmse", "profiles", List.of("arm64-neon")));
    Path model = job.input("model/model.onnx");
    scores(model, items(2)).write(job.input("evaluation_y.npy"));
    float[] said = scores(model, items(3)).floats();
    Arrays.sort(said);

    assertThat(JobMain.run(job, Main::run)).isZero();

    OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
    ArtifactReader reader = reader(layout);
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    MonitoringPlan plan =
        MonitoringPlan.parse(reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
    assertThat(plan.isAmount()).isTrue();
    Bins bins = plan.manifest().getScore().getValue();
    float margin = (said[ITEMS - 1] - said[0]) / 2;
    assertThat(bins.getMinimum()).isCloseTo(said[0] - margin, within(1e-3f));
    assertThat(bins.getMaximum()).isCloseTo(said[ITEMS - 1] + margin, within(1e-3f));
    assertThat(bins.getBaselineList().subList(0, bins.getEdgesCount() + 1))
        .allMatch(count -> count >= 4 && count <= 9);
    assertThat(bins.getBaselineList().stream().mapToLong(Long::longValue).sum()).isEqualTo(ITEMS);
  }

  @Test
  void writesTheSameModelManifestsWhateverWasMeasured() throws Exception {
    JobFolder first = job(Map.of("profiles", List.of("arm64-neon", "arm64-dotprod")));
    assertThat(JobMain.run(first, Main::run)).isZero();
    OciLayout before = OciLayout.read(first.output().resolve("arm64-neon"));

    assertThat(JobMain.run(first, Main::run)).isZero();

    assertThat(OciLayout.read(first.output().resolve("arm64-neon")).model())
        .isEqualTo(before.model());
  }

  @Test
  void leavesNothingBehindWhenLabelsDoNotMatch() throws Exception {
    JobFolder job = job(Map.of());
    NpyArray.ofInts(new int[3], 3).write(job.input("evaluation_y.npy"));

    int exit = JobMain.run(job, Main::run);

    assertThat(exit).isEqualTo(JobMain.FAILED);
    assertThat(job.output()).doesNotExist();
    assertThat(job.error().orElseThrow().detail())
        .contains("evaluation_y.npy", "3 labels", "200 items");
  }

  @Test
  void refusesDataOfAnotherShapeAndAllowsNoDropThatNobodyKeeps() throws Exception {
    JobFolder misshaped = job(Map.of());
    NpyArray.ofFloats(new float[100], 10, 10).write(misshaped.input("calibration.npy"));
    assertThat(JobMain.run(misshaped, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(misshaped.error().orElseThrow().detail())
        .contains("calibration.npy", "10 values", "420");

    JobFolder unknown = job(Map.of("profiles", List.of("toaster")));
    assertThat(JobMain.run(unknown, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(unknown.error().orElseThrow().detail()).contains("'toaster'", "arm64-neon");
  }

  @Test
  void packagesFilesFromTheCommandLineAndVerifiesThem() throws Exception {
    JobFolder job = job(Map.of());
    Path out = folder.resolve("out");
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model", job.input("model/model.onnx").toString(),
            "--calibration", job.input("calibration.npy").toString(),
            "--evaluation", job.input("evaluation_x.npy").toString(),
            "--labels", job.input("evaluation_y.npy").toString(),
            "--profile", "arm64-neon,x86-64-avx2",
            "--out", out.toString(),
            "--max-drop", "1pt",
            "--json", json.toString());

    assertThat(exit).isZero();
    assertThat(variants(json)).hasSize(9);
    assertThat(out.resolve("pareto.svg")).content().contains("<svg", "arm64-neon", "(ships)");
    String artifact = out.resolve("arm64-neon").toString();
    String publicKey = out.resolve("release.pub").toString();
    assertThat(PackCommand.run("inspect", artifact)).isZero();
    assertThatThrownBy(() -> OciLayout.read(out))
        .hasMessageContaining("is no artifact")
        .hasMessageEndingWith("name one of those in it: arm64-neon, x86-64-avx2");
    assertThat(PackCommand.run("verify", artifact, "--key", publicKey)).isZero();
    assertThat(PackCommand.run("verify", artifact, "--key", key.verificationKey().hex()))
        .isEqualTo(1);
  }

  /** What a person states ends in what a device counts, remembers and sends. */
  @Test
  void carriesRulesAndBudgetFromAFileToWhatADeviceTells() throws Exception {
    JobFolder job = job(Map.of());
    Path file = folder.resolve("monitoring.yaml");
    Files.writeString(
        file,
        """
        features:
          - {name: speed, offset: 29, importance: 2}
          - {name: place, offset: 59}
          - {name: load, offset: 89}
        privacy:
          - {field: client-id, action: drop}
          - {field: place, action: hash}
          - {field: load, action: round, step: 1000}
        budget: {windowBytesPerDay: 4000, sampleBytesPerDay: 9000}
        """);
    Path out = folder.resolve("ruled");

    int exit = pack(job, file, out);

    assertThat(exit).isZero();
    OciLayout layout = OciLayout.read(out.resolve("arm64-neon"));
    ArtifactReader reader = reader(layout);
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    MonitoringPlan plan =
        MonitoringPlan.parse(reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
    assertThat(plan.streams())
        .startsWith("speed", "load", "$score")
        .doesNotContain("place", "$spe");
    assertThat(plan.manifest().getBudget().getWindowBytes()).isEqualTo(4000);
    assertThat(plan.manifest().getBudget().getSampleBytes()).isEqualTo(9000);
    ByteBuffer item = ByteBuffer.allocate(420 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    item.putFloat(29 * Float.BYTES, 1.25f);
    item.putFloat(59 * Float.BYTES, 60.39f);
    item.putFloat(89 * Float.BYTES, 1234.5f);
    float[] view = new float[3];
    plan.view(item, 0, view);
    assertThat(view[2]).isEqualTo(1000);
    PrivacyFilter filter = new PrivacyFilter(plan.manifest(), new byte[32]);
    assertThat(filter.clientId("anna")).isEmpty();
    NamedTensor sent =
        filter.input(
            NamedTensor.newBuilder()
                .setName(manifest.tensors().inputs().getFirst().name())
                .setDatatype("FP32")
                .addAllShape(List.of(1L, 420L))
                .setData(ByteString.copyFrom(item.array()))
                .build());
    ByteBuffer told = sent.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    assertThat(told.getFloat(29 * Float.BYTES)).isEqualTo(1.25f);
    assertThat(told.getFloat(59 * Float.BYTES)).isNotEqualTo(60.39f).isBetween(0f, 1f);
    assertThat(told.getFloat(89 * Float.BYTES)).isEqualTo(1000);
  }

  /** What a person says of the whole input, devices measure, and whoever looks is told. */
  @Test
  void carriesASignalFromAFileToWhatADeviceMeasures() throws Exception {
    JobFolder job = job(Map.of());
    Path file = folder.resolve("monitoring.yaml");
    Files.writeString(
        file,
        """
        features: [{name: speed, offset: 29}]
        signal: {kind: spectrogram, layout: NFT}
        """);
    Path out = folder.resolve("measured");

    assertThat(pack(job, file, out)).isZero();

    OciLayout layout = OciLayout.read(out.resolve("arm64-neon"));
    ArtifactReader reader = reader(layout);
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    Layer monitoring = manifest.layer(LayerType.MONITORING).orElseThrow();
    MonitoringPlan plan = MonitoringPlan.parse(reader.read(monitoring));
    assertThat(plan.manifest().getFormat()).isEqualTo(MonitoringPlan.FORMAT_SIGNALS);
    assertThat(plan.streams())
        .startsWith(
            "speed",
            "spectrogram.level",
            "spectrogram.contrast",
            "spectrogram.tilt",
            "spectrogram.flux",
            "$score");
    assertThat(plan.manifest().getFeatures(1).getStandardDeviation()).isPositive();
    assertThat(InspectCommand.watched(layout.blob(monitoring.digest())))
        .hasSize(2)
        .first()
        .asString()
        .startsWith("5 of input '")
        .endsWith(
            "speed, spectrogram.level, spectrogram.contrast, spectrogram.tilt, spectrogram.flux");
    Files.writeString(file, "signal: {kind: image}\n");
    assertThat(pack(job, file, folder.resolve("refused"))).as("no colours").isEqualTo(1);
  }

  @Test
  void refusesRulesThatCannotBeAndLeavesNothingBehind() throws Exception {
    JobFolder job = job(Map.of());
    Path out = folder.resolve("refused");
    Path file = folder.resolve("monitoring.yaml");
    for (String yaml :
        List.of(
            "privacy: [{field: nobody, action: drop}]",
            "privacy: [{field: client-id, action: mask}]",
            "privcy: []",
            "[]",
            "{")) {
      Files.writeString(file, yaml);

      assertThat(pack(job, file, out)).describedAs(yaml).isEqualTo(1);
      assertThat(out).doesNotExist();
    }
    assertThat(pack(job, folder.resolve("none.yaml"), out)).isEqualTo(1);
    JobFolder wrong =
        job(
            Map.of(
                "monitoring",
                Map.of("privacy", List.of(Map.of("field", "nobody", "action", "drop")))));
    assertThat(JobMain.run(wrong, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(wrong.error().orElseThrow().detail()).contains("privacy[0].field", "nobody");
  }

  private int pack(JobFolder job, Path monitoring, Path out) {
    return PackCommand.run(
        "--model", job.input("model/model.onnx").toString(),
        "--calibration", job.input("calibration.npy").toString(),
        "--profile", "arm64-neon",
        "--monitoring", monitoring.toString(),
        "--key", folder.resolve("release.pem").toString(),
        "--out", out.toString());
  }

  @Test
  void leavesNoFolderWhenTheModelIsRefused() throws Exception {
    JobFolder job = job(Map.of());
    Files.writeString(job.input("model/model.onnx"), "no model");
    Path own = Files.createDirectories(folder.resolve("out.part"));
    List<String> before = names();

    int exit = pack(job, folder.resolve("report.json"));

    assertThat(exit).isEqualTo(1);
    assertThat(names()).isEqualTo(before);
    assertThat(own).isDirectory();
  }

  @Test
  void leavesNoFolderWhenTheReportCannotBeWritten() throws Exception {
    JobFolder job = job(Map.of());
    List<String> before = names();

    int exit = pack(job, folder.resolve("nowhere/report.json"));

    assertThat(exit).isEqualTo(1);
    assertThat(names()).isEqualTo(before);
  }

  @Test
  void writesReportAndCandidatesIntoTheNewFolder() throws Exception {
    JobFolder job = job(Map.of());
    Path out = Files.createDirectories(folder.resolve("out"));

    int exit =
        PackCommand.run(
            "--model", job.input("model/model.onnx").toString(),
            "--calibration", job.input("calibration.npy").toString(),
            "--profile", "arm64-neon",
            "--candidates", out.resolve("files").toString(),
            "--json", out.resolve("told/report.json").toString(),
            "--out", out.toString());

    assertThat(exit).isZero();
    assertThat(variants(out.resolve("told/report.json"))).isNotEmpty();
    assertThat(out.resolve("files/arm64-neon/onnxruntime-fp32.onnx")).exists();
    assertThat(out.resolve("arm64-neon/index.json")).exists();
    assertThat(names()).noneMatch(name -> name.contains("skerry-"));
  }

  /** A second head that nobody looked at was shipped whatever became of it. */
  @Test
  void judgesByAllOutputsWhereNobodySaysByWhich() throws Exception {
    JobFolder job = job(Map.of());
    Nets net = new Nets(4, "input", Shape.BATCH, 14, 30).conv(8, Activation.RELU, 3);
    String features = net.add(new Op.GlobalAveragePool()).flatten().last();
    String amount = net.dense(1, Activation.NONE).last();
    Graph one = net.from(features).dense(4, Activation.NONE).graph("classes");
    Graph two =
        new Graph(
            "two", "input", List.of("classes", amount), one.nodes(), one.constants(), one.shapes());
    Files.write(job.input("model/model.onnx"), OnnxExport.write(two));
    Path json = folder.resolve("two.json");

    int exit =
        PackCommand.run(
            "--model", job.input("model/model.onnx").toString(),
            "--calibration", job.input("calibration.npy").toString(),
            "--profile", "arm64-neon",
            "--json", json.toString(),
            "--out", folder.resolve("two").toString());

    assertThat(exit).isZero();
    assertThat(winner(variants(json), "arm64-neon").get("reason").getAsString())
        .contains("in each of 2 outputs");
  }

  /** Labels say nothing of the second head: it still has to say what it said. */
  @Test
  void shipsAHeadThatLabelsDoNotJudgeAsItCame() throws Exception {
    JobFolder job = job(Map.of());
    ModelT model = ModelT.deserializeFromBinary(TfliteExport.write(twoHeads()));
    for (OperatorT operator : model.getSubgraphs()[0].getOperators()) {
      if (operator.getBuiltinOptions().getValue() instanceof SoftmaxOptionsT options) {
        options.setBeta(8);
      }
    }
    Path file = Files.write(job.input("model/heads.tflite"), model.serializeToBinary());

    int exit =
        PackCommand.run(
            "--model", file.toString(),
            "--calibration", job.input("calibration.npy").toString(),
            "--evaluation", job.input("evaluation_x.npy").toString(),
            "--labels", job.input("evaluation_y.npy").toString(),
            "--output", "score",
            "--profile", "arm64-neon",
            "--candidates", folder.resolve("files").toString(),
            "--out", folder.resolve("heads").toString());

    assertThat(exit).isZero();
    String classes = twoHeads().outputs().getLast();
    Samples samples = Samples.of("items", items(2), 420);
    Bench bench = new Bench();
    Path floats = folder.resolve("files/arm64-neon/onnxruntime-fp32.onnx");
    try (LoadedModel came = bench.load(Engine.TFLITE, file);
        LoadedModel made = bench.load(Engine.ONNXRUNTIME, floats)) {
      Outputs wanted = bench.outputs(came, samples, classes);
      assertThat(bench.outputs(made, samples, classes).largestDifference(wanted)).isLessThan(1e-3);
    }
  }

  /**
   * Of large numbers that differ a little, integers are steps too wide to tell which is largest.
   */
  @Test
  void shipsNothingThatSaysSomethingElseWhereLabelsDoNotJudge() throws Exception {
    JobFolder job = job(Map.of());
    Graph score = Nets.sensorNet(11);
    Graph classes =
        new Nets(3, "input", Shape.BATCH, 14, 30)
            .flatten()
            .dense(4, Activation.NONE)
            .binary(Op.Binary.Kind.ADD, Constant.of(Shape.of(1, 1), 4000))
            .graph("classes");
    Files.write(job.input("model/model.onnx"), OnnxExport.write(Nets.beside(score, classes)));
    Path json = folder.resolve("beside.json");

    assertThat(pack(job, json)).isZero();

    assertThat(winner(variants(json), "arm64-neon").get("reason").getAsString())
        .doesNotContain("output 'classes'");
    assertThat(variants(json).asList())
        .map(variant -> variant.getAsJsonObject().get("reason").getAsString())
        .anyMatch(
            reason ->
                reason.startsWith(
                    "no longer says what the given model says: output 'classes', which does not judge, agrees on "));
  }

  /** A quotient by what may be 0 is infinite, and stays so in every form. */
  @Test
  void shipsNumbersWithoutEndByWhichNobodyJudges() throws Exception {
    JobFolder job = job(Map.of());
    Nets net = new Nets(3, "input", Shape.BATCH, 14, 30).add(new Op.Activate(Activation.RELU));
    net.add(new Op.Binary(Op.Binary.Kind.DIV), "input", net.last());
    Graph two = Nets.beside(Nets.sensorNet(11), net.graph("quotient"));
    Files.write(job.input("model/model.onnx"), OnnxExport.write(two));
    Path json = folder.resolve("quotient.json");

    assertThat(pack(job, json)).isZero();

    for (JsonElement each : variants(json)) {
      assertThat(each.getAsJsonObject().get("reason").getAsString())
          .doesNotContain("output 'quotient'");
    }
    assertThat(winner(variants(json), "arm64-neon").get("precision").getAsString())
        .isEqualTo("int8");
  }

  /** A file that runs as it is may say one number without any dimension, not even a batch. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void packagesAScoreWithoutDimensions(boolean labelled) throws Exception {
    JobFolder job = integerJob();
    if (!labelled) {
      Files.delete(job.input("evaluation_y.npy"));
    }
    Path file = job.input("model/model.tflite");
    ModelT model = ModelT.deserializeFromBinary(Files.readAllBytes(file));
    SubGraphT net = model.getSubgraphs()[0];
    TensorT score = net.getTensors()[net.getOutputs()[0]];
    TensorT alone = new TensorT();
    alone.setName(score.getName());
    alone.setType(score.getType());
    alone.setQuantization(score.getQuantization());
    alone.setShape(new int[0]);
    score.setName("before");
    OperatorCodeT code = new OperatorCodeT();
    code.setBuiltinCode(BuiltinOperator.RESHAPE);
    code.setDeprecatedBuiltinCode((byte) BuiltinOperator.RESHAPE);
    OperatorT reshape = new OperatorT();
    reshape.setOpcodeIndex(model.getOperatorCodes().length);
    reshape.setInputs(net.getOutputs());
    reshape.setOutputs(new int[] {net.getTensors().length});
    model.setOperatorCodes(with(model.getOperatorCodes(), code));
    net.setOperators(with(net.getOperators(), reshape));
    net.setTensors(with(net.getTensors(), alone));
    net.setOutputs(reshape.getOutputs());
    for (OperatorT operator : net.getOperators()) {
      operator.setCustomOptions(null);
    }
    Files.write(file, model.serializeToBinary());

    int exit = JobMain.run(job, Main::run);

    assertThat(job.error()).isEmpty();
    assertThat(exit).isZero();
    OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
    ArtifactManifest manifest = reader(layout).manifest(layout.model(), layout.signature());
    assertThat(manifest.tensors().outputs().getFirst().shape()).isEmpty();
  }

  /** Its agents compare the number of a class only where another device says the same. */
  @Test
  void expectsTheNumberOfAClassWhereItIsNoNearTie() throws Exception {
    Graph images = Nets.imageNet(5);
    Samples samples = Nets.randomItems(images, 60);
    ModelT model =
        ModelT.deserializeFromBinary(
            TfliteExport.write(
                Nets.quantized(
                    images,
                    Calibrator.observe(images, samples),
                    Scheme.SIGNED,
                    Options.of(Clipping.MIN_MAX))));
    SubGraphT net = model.getSubgraphs()[0];
    TensorT axis = new TensorT();
    axis.setName("axis");
    axis.setType(TensorType.INT32);
    axis.setShape(new int[] {1});
    axis.setBuffer(model.getBuffers().length);
    BufferT one = new BufferT();
    one.setData(new int[] {1, 0, 0, 0});
    model.setBuffers(with(model.getBuffers(), one));
    TensorT number = new TensorT();
    number.setName("class");
    number.setType(TensorType.INT64);
    number.setShape(new int[] {1});
    OperatorCodeT code = new OperatorCodeT();
    code.setBuiltinCode(BuiltinOperator.ARG_MAX);
    code.setDeprecatedBuiltinCode((byte) BuiltinOperator.ARG_MAX);
    OperatorT largest = new OperatorT();
    largest.setOpcodeIndex(model.getOperatorCodes().length);
    int scores = net.getOutputs()[0];
    int tensors = net.getTensors().length;
    largest.setInputs(new int[] {scores, tensors});
    largest.setOutputs(new int[] {tensors + 1});
    ArgMaxOptionsT options = new ArgMaxOptionsT();
    options.setOutputType(TensorType.INT64);
    BuiltinOptionsUnion union = new BuiltinOptionsUnion();
    union.setType(BuiltinOptions.ArgMaxOptions);
    union.setValue(options);
    largest.setBuiltinOptions(union);
    model.setOperatorCodes(with(model.getOperatorCodes(), code));
    net.setOperators(with(net.getOperators(), largest));
    net.setTensors(with(with(net.getTensors(), axis), number));
    net.setOutputs(new int[] {scores, tensors + 1});
    for (OperatorT operator : net.getOperators()) {
      operator.setCustomOptions(null);
    }
    Path file = Files.write(folder.resolve("classes.tflite"), model.serializeToBinary());
    samples.write(folder.resolve("items.npy"));

    int exit =
        PackCommand.run(
            "--model=" + file,
            "--calibration=" + folder.resolve("items.npy"),
            "--key=" + folder.resolve("release.pem"),
            "--profile=arm64-neon",
            "--out=" + folder.resolve("classes"));

    assertThat(exit).isZero();
    OciLayout layout = OciLayout.read(folder.resolve("classes/arm64-neon"));
    ArtifactReader reader = reader(layout);
    GoldenSet golden =
        reader.golden(reader.manifest(layout.model(), layout.signature())).orElseThrow();
    assertThat(golden.cases()).hasSize(8);
    assertThat(golden.tolerance("class").absolute()).isEqualTo(1);
    for (GoldenCase each : golden.cases()) {
      assertThat(each.outputs()).hasSize(2);
      float[] said = new float[10];
      each.outputs().getFirst().data().asFloatBuffer().get(said);
      Arrays.sort(said);
      assertThat(said[9] - said[8]).isGreaterThan(0.02f);
    }
  }

  private static <T> T[] with(T[] array, T last) {
    T[] longer = Arrays.copyOf(array, array.length + 1);
    longer[array.length] = last;
    return longer;
  }

  /** A score and, in its graph's second output, classes. */
  private static Graph twoHeads() {
    Nets net = new Nets(4, "input", Shape.BATCH, 14, 30).conv(8, Activation.RELU, 3);
    String features = net.add(new Op.GlobalAveragePool()).flatten().last();
    String classes = net.dense(4, Activation.NONE).add(new Op.Softmax()).last();
    Graph one = net.from(features).dense(1, Activation.NONE).add(new Op.Sigmoid()).graph("score");
    return new Graph(
        "two", "input", List.of("score", classes), one.nodes(), one.constants(), one.shapes());
  }

  private List<String> names() {
    return Stream.of(Objects.requireNonNull(folder.toFile().list())).sorted().toList();
  }

  private int pack(JobFolder job, Path json) {
    return PackCommand.run(
        "--model", job.input("model/model.onnx").toString(),
        "--calibration", job.input("calibration.npy").toString(),
        "--evaluation", job.input("evaluation_x.npy").toString(),
        "--labels", job.input("evaluation_y.npy").toString(),
        "--profile", "arm64-neon",
        "--json", json.toString(),
        "--out", folder.resolve("out").toString());
  }

  @Test
  void packagesModelsThatWereExportedForLargerBatches() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    Path model = job.input("model/model.onnx");
    ModelProto.Builder fixed = ModelProto.parseFrom(Files.readAllBytes(model)).toBuilder();
    for (boolean input : new boolean[] {true, false}) {
      (input
              ? fixed.getGraphBuilder().getInputBuilder(0)
              : fixed.getGraphBuilder().getOutputBuilder(0))
          .getTypeBuilder()
          .getTensorTypeBuilder()
          .getShapeBuilder()
          .getDimBuilder(0)
          .setDimValue(64);
    }
    Files.write(model, fixed.build().toByteArray());

    int exit = JobMain.run(job, Main::run);

    assertThat(job.error()).isEmpty();
    assertThat(exit).isZero();
    JsonObject winner = winner(variants(job.output().resolve("report.json")), "arm64-neon");
    assertThat(winner.get("rocAuc").getAsDouble()).isGreaterThan(0.98);
  }

  @Test
  void namesFileAndStepOfAFailureThatNobodyForesaw() throws Exception {
    JobFolder job = job(Map.of());
    PackagingRequest request = Main.request(job, job.output());

    assertThatThrownBy(
            () ->
                Packaging.run(
                    request,
                    folder,
                    (step, done, total, message) -> {
                      if (step.equals("calibrate")) {
                        throw new IllegalStateException("odd\nthing");
                      }
                    }))
        .isInstanceOf(JobFailure.class)
        .hasMessageContainingAll("model.onnx", "'calibrate 200 items'", "odd thing", "report it")
        .message()
        .doesNotContain("\n");
  }

  @Test
  void judgesByTheFloatModelWhereNobodyGaveLabels() throws Exception {
    JobFolder job = unlabelled(Map.of("profiles", List.of("arm64-neon")));

    assertThat(JobMain.run(job, Main::run)).isZero();

    Path file = job.output().resolve("report.json");
    JsonObject report = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    assertThat(report.get("metric").getAsString()).isEqualTo("agreement");
    assertThat(report.get("float").getAsDouble()).isEqualTo(1);
    JsonObject winner = winner(variants(file), "arm64-neon");
    assertThat(winner.has("rocAuc")).isFalse();
    assertThat(winner.get("agreement").getAsDouble()).isGreaterThanOrEqualTo(0.98);
    assertThat(winner.get("reason").getAsString())
        .contains("no labels given", "of %d held-out items".formatted(ITEMS / 2));
    OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
    ArtifactReader reader = reader(layout);
    ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
    MonitoringManifest monitoring =
        MonitoringManifest.parseFrom(
            reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
    assertThat(monitoring.getBaselineRows()).isEqualTo(ITEMS);
  }

  @Test
  void refusesTooFewItemsToBothCalibrateAndJudge() throws Exception {
    JobFolder job = unlabelled(Map.of());
    NpyArray.ofFloats(new float[19 * 420], 19, 14, 30).write(job.input("calibration.npy"));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains("calibration.npy", "holds 19 items, at least 20 are needed");
  }

  @Test
  void refusesLabelsOfNoItemsAndMetricsThatNeedLabels() throws Exception {
    JobFolder strayLabels = job(Map.of());
    Files.delete(strayLabels.input("evaluation_x.npy"));
    assertThat(JobMain.run(strayLabels, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(strayLabels.error().orElseThrow().detail()).contains("evaluation_y.npy", "both");

    JobFolder noLabels = unlabelled(Map.of("metric", "rocAuc"));
    assertThat(JobMain.run(noLabels, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(noLabels.error().orElseThrow().detail()).contains("rocAuc needs labels");

    JobFolder boxes = job(Map.of("boxes", "centres", "metric", "rocAuc"));
    assertThat(JobMain.run(boxes, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(boxes.error().orElseThrow().detail())
        .contains("meanAveragePrecision and agreement alone");
  }

  @ParameterizedTest
  @ValueSource(strings = {"corners", "centres", "centres-objectness", "detection-postprocess"})
  void saysThatAnOutputDoesNotHoldTheBoxesThatWereSaid(String boxes) throws Exception {
    for (JobFolder job : List.of(unlabelled(Map.of("boxes", boxes)), job(Map.of("boxes", boxes)))) {
      assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

      assertThat(job.error().orElseThrow().code()).isNotEqualTo(ErrorCode.INTERNAL.name());
      assertThat(job.error().orElseThrow().detail())
          .contains(".onnx: ")
          .containsPattern("boxes (have|'" + boxes + "')")
          .containsPattern("say which of|name boxes, classes, scores and count");
      assertThat(job.output()).doesNotExist();
    }
  }

  @Test
  void packagesFromTheCommandLineWithoutLabels() throws Exception {
    JobFolder job = job(Map.of());
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model", job.input("model/model.onnx").toString(),
            "--calibration", job.input("calibration.npy").toString(),
            "--profile", "arm64-neon",
            "--out", folder.resolve("out").toString(),
            "--json", json.toString());

    assertThat(exit).isZero();
    assertThat(Files.readString(json)).contains("no labels given");
  }

  @Test
  void quantizesFloatTfliteFiles() throws Exception {
    Path model =
        Path.of("../../../shared/data/mlperf-tiny/pretrainedResnet.tflite").toAbsolutePath();
    assumeThat(model).as("models beside the repository").exists();
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon"), "scoreOutput", "Identity"));
    Files.delete(job.input("model/model.onnx"));
    Files.copy(model, job.input("model/model.tflite"));
    float[] images = new float[ITEMS * 32 * 32 * 3];
    int[] labels = new int[ITEMS];
    for (int i = 0; i < images.length; i++) {
      images[i] = i % 256;
    }
    labels[0] = 9;
    for (String name : List.of("calibration", "reference")) {
      NpyArray.ofFloats(images, ITEMS, 32, 32, 3).write(job.input(name + ".npy"));
    }
    // Other items than those of calibration.
    images[0] = 1;
    NpyArray.ofFloats(images, ITEMS, 32, 32, 3).write(job.input("evaluation_x.npy"));
    NpyArray.ofInts(labels, ITEMS).write(job.input("evaluation_y.npy"));

    assertThat(JobMain.run(job, Main::run)).isZero();

    JsonObject winner = winner(variants(job.output().resolve("report.json")), "arm64-neon");
    assertThat(winner.get("engine").getAsString()).isEqualTo("tflite");
    assertThat(winner.get("precision").getAsString()).isEqualTo("int8");
    assertThat(winner.get("bytes").getAsLong()).isLessThan(Files.size(model) / 3);
  }

  @Test
  void keepsIntegerTfliteFilesWhereTheyRunAndTheirIntegersElsewhere() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon", "nvidia-cuda")));
    byte[] file = integers();
    Files.delete(job.input("model/model.onnx"));
    Files.write(job.input("model/model.tflite"), file);

    assertThat(JobMain.run(job, Main::run)).isZero();

    JsonArray variants = variants(job.output().resolve("report.json"));
    JsonObject winner = winner(variants, "arm64-neon");
    assertThat(winner.get("engine").getAsString()).isEqualTo("tflite");
    assertThat(winner.get("model").getAsString()).isEqualTo(Digest.of(file).toString());
    assertThat(winner(variants, "nvidia-cuda").get("engine").getAsString())
        .isEqualTo("onnxruntime");
    for (JsonElement each : variants) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("precision").getAsString().equals("int8")) {
        assertThat(variant.get("rocAuc").getAsDouble()).isGreaterThan(0.98);
        assertThat(variant.getAsJsonObject("quality").get("flips").getAsInt()).isLessThan(4);
      }
    }
  }

  @Test
  void saysWhatToDoWhereAnIntegerTfliteFileCannotBecomeAnother() throws Exception {
    ModelT model = ModelT.deserializeFromBinary(integers());
    for (OperatorCodeT code : model.getOperatorCodes()) {
      if (code.getBuiltinCode() == BuiltinOperator.LOGISTIC) {
        code.setBuiltinCode(BuiltinOperator.ABS);
        code.setDeprecatedBuiltinCode((byte) BuiltinOperator.ABS);
      }
    }
    for (OperatorT operator : model.getSubgraphs()[0].getOperators()) {
      // Read as none, written as empty ones, which the runtime refuses.
      operator.setCustomOptions(null);
    }
    for (String profile : List.of("arm64-neon", "nvidia-cuda")) {
      JobFolder job = unlabelled(Map.of("profiles", List.of(profile)));
      Files.delete(job.input("model/model.onnx"));
      Files.write(job.input("model/model.tflite"), model.serializeToBinary());

      int exit = JobMain.run(job, Main::run);

      if (profile.equals("arm64-neon")) {
        assertThat(exit).isZero();
      } else {
        assertThat(exit).isEqualTo(JobMain.FAILED);
        assertThat(job.error().orElseThrow().detail())
            .contains("'nvidia-cuda' runs no int8 TFLite file", "(ABS)", "package the float model");
      }
    }
  }

  /** Data of no type fits such a model: the remedy must not be to convert the data. */
  @Test
  void refusesAnInputOfBytesBeforeItReadsData() throws Exception {
    Graph images = Nets.imageNet(5);
    Samples samples = Samples.of("items", NpyArray.ofFloats(new float[20 * 216], 20, 216), 216);
    ModelT model =
        ModelT.deserializeFromBinary(
            TfliteExport.write(
                Nets.quantized(
                    images,
                    Calibrator.observe(images, samples),
                    Scheme.SIGNED,
                    Options.of(Clipping.MIN_MAX))));
    SubGraphT net = model.getSubgraphs()[0];
    TensorT input = net.getTensors()[net.getInputs()[0]];
    OperatorT first =
        Arrays.stream(net.getOperators())
            .filter(operator -> operator.getInputs()[0] == net.getInputs()[0])
            .findFirst()
            .orElseThrow();
    // What the converter makes of inference_input_type = tf.uint8.
    TensorT bytes = net.getTensors()[first.getOutputs()[0]];
    assertThat(bytes.getType()).isEqualTo(TensorType.INT8);
    input.setType(TensorType.UINT8);
    QuantizationParametersT scale = new QuantizationParametersT();
    scale.setScale(bytes.getQuantization().getScale());
    scale.setZeroPoint(new long[] {bytes.getQuantization().getZeroPoint()[0] + 128});
    input.setQuantization(scale);
    for (OperatorT operator : net.getOperators()) {
      operator.setCustomOptions(null);
    }
    Path file = Files.write(folder.resolve("bytes.tflite"), model.serializeToBinary());
    NpyArray.ofFloats(new float[40 * 216], 40, 9, 8, 3).write(folder.resolve("floats.npy"));
    NpyArray.ofBytes(new byte[40 * 216], 40, 9, 8, 3).write(folder.resolve("integers.npy"));
    for (String data : List.of("floats.npy", "integers.npy")) {
      assertThat(
              said(
                  "--model=" + file,
                  "--calibration=" + folder.resolve(data),
                  "--profile=arm64-neon",
                  "--out=" + folder.resolve("out")))
          .contains(file.toString(), "input 'x' is UINT8", "convert the model again");
    }
  }

  private byte[] integers() {
    Samples samples = Samples.of("items", items(1), 420);
    return TfliteExport.write(
        Nets.quantized(
            graph,
            Calibrator.observe(graph, samples),
            Scheme.SIGNED,
            Options.of(Clipping.MIN_MAX)));
  }

  @Test
  void takesTheTimesThatADeviceOfTheProfileReports() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    assertThat(JobMain.run(job, Main::run)).isZero();
    JsonArray before = variants(job.output().resolve("report.json"));
    List<DeviceTimings.Timing> timings = new ArrayList<>();
    for (JsonElement each : before) {
      JsonObject variant = each.getAsJsonObject();
      boolean slow = variant.get("precision").getAsString().equals("int8");
      timings.add(
          new DeviceTimings.Timing(
              Digest.parse(variant.get("model").getAsString()),
              variant.get("engine").getAsString(),
              slow ? 900 : variant.get("engine").getAsString().equals("tflite") ? 500 : 700,
              1000,
              1,
              1 << 20,
              100));
    }
    Files.createDirectories(job.input("timings"));
    Files.write(
        job.input("timings/cam-1.json"), new DeviceTimings("arm64-neon", "cam-1", timings).json());

    assertThat(JobMain.run(job, Main::run)).isZero();

    JsonObject winner = winner(variants(job.output().resolve("report.json")), "arm64-neon");
    assertThat(winner.get("precision").getAsString()).isEqualTo("fp32");
    assertThat(winner.get("engine").getAsString()).isEqualTo("tflite");
    assertThat(winner.get("measured").getAsString()).isEqualTo("device");
    assertThat(winner.get("p50Micros").getAsDouble()).isEqualTo(500);
    assertThat(winner(before, "arm64-neon").get("measured").getAsString()).isEqualTo("none");
  }

  /** Nobody can emulate here, but an earlier packaging could, and saw what these integers lose. */
  @Test
  void shipsNoFileThatWasSeenToLoseThereHoweverFastItIs() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    assertThat(JobMain.run(job, Main::run)).isZero();
    List<Map<String, Object>> lost = new ArrayList<>();
    List<DeviceTimings.Timing> timings = new ArrayList<>();
    for (JsonElement each : variants(job.output().resolve("report.json"))) {
      JsonObject variant = each.getAsJsonObject();
      String file = variant.get("model").getAsString();
      boolean integers = variant.get("precision").getAsString().equals("int8");
      if (integers) {
        lost.add(Map.of("profile", "arm64-neon", "file", file, "reason", "loses 0.4 under qemu"));
      }
      timings.add(
          new DeviceTimings.Timing(
              Digest.parse(file),
              variant.get("engine").getAsString(),
              integers ? 100 : 900,
              1000,
              1,
              1 << 20,
              100));
    }
    JobFolder next = job(Map.of("profiles", List.of("arm64-neon"), "lost", lost));
    Files.createDirectories(next.input("timings"));
    Files.write(
        next.input("timings/cam-1.json"), new DeviceTimings("arm64-neon", "cam-1", timings).json());

    assertThat(JobMain.run(next, Main::run)).isZero();

    JsonArray after = variants(next.output().resolve("report.json"));
    assertThat(winner(after, "arm64-neon").get("precision").getAsString()).isEqualTo("fp32");
    for (JsonElement each : after) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("precision").getAsString().equals("int8")) {
        assertThat(variant.get("reason").getAsString())
            .isEqualTo(
                "lost too much when it was last run on such a processor (loses 0.4 under qemu):"
                    + " prove it again with --emulate");
      }
    }
  }

  /** What was seen under emulation must not be lost with a job that ships nothing. */
  @Test
  void leavesItsReportWhereNoProfileGetsAnything() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon"), "maxDrop", -0.9));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail()).startsWith("no variant for profile");
    assertThat(job.output()).doesNotExist();
    assertThat(variants(job.path().resolve("output.part/report.json"))).isNotEmpty();
  }

  @Test
  void letsNoReportOfIntegersAloneDecide() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    assertThat(JobMain.run(job, Main::run)).isZero();
    JsonArray before = variants(job.output().resolve("report.json"));
    Files.createDirectories(job.input("timings"));
    List<DeviceTimings.Timing> integers = new ArrayList<>();
    List<DeviceTimings.Timing> floats = new ArrayList<>();
    for (JsonElement each : before) {
      JsonObject variant = each.getAsJsonObject();
      boolean integer = variant.get("precision").getAsString().equals("int8");
      if (variant.get("engine").getAsString().equals("onnxruntime")) {
        (integer ? integers : floats)
            .add(
                new DeviceTimings.Timing(
                    Digest.parse(variant.get("model").getAsString()),
                    "onnxruntime",
                    100,
                    200,
                    1,
                    0,
                    10));
      }
    }
    // The float model's time is another device's: it says nothing of this one.
    Files.write(
        job.input("timings/1.json"), new DeviceTimings("arm64-neon", "cam-1", integers).json());
    Files.write(
        job.input("timings/2.json"), new DeviceTimings("arm64-neon", "cam-2", floats).json());

    assertThat(JobMain.run(job, Main::run)).isZero();

    JsonArray after = variants(job.output().resolve("report.json"));
    for (JsonElement each : after) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("engine").getAsString().equals("onnxruntime")
          && variant.get("precision").getAsString().equals("int8")) {
        assertThat(variant.get("measured").getAsString()).isEqualTo("none");
        assertThat(variant.get("winner").getAsBoolean()).isFalse();
      }
    }
  }

  @Test
  void writesCandidatesOfMixedPrecisionUnderNamesOfTheirOwn() throws Exception {
    JobFolder job = job(Map.of());
    Path candidates = folder.resolve("candidates");
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model=" + job.input("model/model.onnx"),
            "--calibration=" + job.input("calibration.npy"),
            "--evaluation=" + job.input("evaluation_x.npy"),
            "--labels=" + job.input("evaluation_y.npy"),
            "--max-drop=0",
            "--profile=arm64-neon",
            "--out=" + folder.resolve("out"),
            "--candidates=" + candidates,
            "--json=" + json);

    assertThat(exit).isZero();
    List<String> mixed = new ArrayList<>();
    for (JsonElement each : variants(json)) {
      JsonObject variant = each.getAsJsonObject();
      if (variant.get("options").toString().contains("float:")) {
        mixed.add(variant.get("model").getAsString());
      }
    }
    assertThat(mixed).isNotEmpty();
    try (Stream<Path> files = Files.list(candidates.resolve("arm64-neon"))) {
      List<Path> written = files.sorted().toList();
      assertThat(written)
          .extracting(file -> file.getFileName().toString())
          .contains("onnxruntime-int8.onnx", "onnxruntime-fp32.onnx", "tflite-int8.tflite");
      List<String> own = new ArrayList<>();
      for (Path file : written) {
        if (file.getFileName().toString().contains("-mixed.")) {
          own.add(Digest.of(Files.readAllBytes(file)).toString());
        }
      }
      assertThat(own).containsExactlyInAnyOrderElementsOf(mixed);
    }
  }

  /** What this machine timed no device needs to time, and times of some files do not compare. */
  @Test
  void aJobKeepsTheFilesOfProfilesThatItCannotTimeIfTheyFit() throws Exception {
    JobFolder all = job(Map.of("candidateBytesMax", 1L << 30));
    assertThat(JobMain.run(all, Main::run)).isZero();
    Path candidates = all.output().resolve("candidates");
    String here =
        ProfileCatalog.builtIn().bestMatch(FactsProbe.detect(), id -> true).orElseThrow().id();
    Set<String> others = new TreeSet<>(PROFILES);
    others.remove(here);
    assertThat(names(candidates)).containsExactlyElementsOf(others);
    JsonArray variants = variants(all.output().resolve("report.json"));
    long bytes = 0;
    for (String profile : others) {
      Set<String> written = new HashSet<>();
      for (String name : names(candidates.resolve(profile))) {
        byte[] content = Files.readAllBytes(candidates.resolve(profile).resolve(name));
        written.add(Digest.of(content).toString());
        bytes += profile.equals("arm64-dotprod") ? content.length : 0;
      }
      for (JsonElement each : variants) {
        JsonObject variant = each.getAsJsonObject();
        if (variant.get("profile").getAsString().equals(profile)) {
          assertThat(written).contains(variant.get("model").getAsString());
        }
      }
    }

    Map<String, Object> onlyOne = Map.of("profiles", List.of("arm64-dotprod", "arm64-neon"));
    Map<String, Object> fits = new HashMap<>(onlyOne);
    fits.put("candidateBytesMax", bytes);
    JobFolder one = job(fits);
    assertThat(JobMain.run(one, Main::run)).isZero();
    assertThat(names(one.output().resolve("candidates"))).containsExactly("arm64-dotprod");

    JobFolder unasked = job(onlyOne);
    assertThat(JobMain.run(unasked, Main::run)).isZero();
    assertThat(unasked.output().resolve("candidates")).doesNotExist();
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void packagesTheOtherProfilesWhereOneGetsNothing() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon", "tiny")));
    Path profiles = Files.createDirectories(job.input("profiles"));
    Files.writeString(
        profiles.resolve("tiny.yaml"),
        ProfileCatalog.builtIn()
            .yaml("arm64-neon")
            .orElseThrow()
            .replaceFirst("(?m)^id: .*$", "id: tiny")
            .replaceFirst("(?m)^memory-budget: .*$", "memory-budget: 1 KiB"));

    assertThat(JobMain.run(job, Main::run)).isZero();

    Path file = job.output().resolve("report.json");
    assertThat(winner(variants(file), "arm64-neon").get("manifest")).isNotNull();
    JsonObject refused =
        JsonParser.parseString(Files.readString(file))
            .getAsJsonObject()
            .getAsJsonArray("refused")
            .get(0)
            .getAsJsonObject();
    assertThat(refused.get("profile").getAsString()).isEqualTo("tiny");
    assertThat(refused.get("reason").getAsString()).contains("'tiny'", "the profile allows");
    assertThat(job.output().resolve("tiny")).doesNotExist();

    Path out = folder.resolve("some");
    int exit =
        PackCommand.run(
            "--model=" + job.input("model/model.onnx"),
            "--calibration=" + job.input("calibration.npy"),
            "--profiles=" + profiles,
            "--profile=arm64-neon,tiny",
            "--out=" + out);

    assertThat(exit).isEqualTo(6);
    assertThat(out.resolve("arm64-neon")).exists();
    assertThat(
            PackCommand.run(
                "--model=" + job.input("model/model.onnx"),
                "--calibration=" + job.input("calibration.npy"),
                "--profiles=" + profiles,
                "--profile=tiny,tiny",
                "--out=" + folder.resolve("none")))
        .isEqualTo(1);
    assertThat(folder.resolve("none")).doesNotExist();
  }

  @Test
  void writesTheNamesOfClassesAndRefusesOtherOnes() throws Exception {
    Path model = folder.resolve("images.onnx");
    Files.write(model, OnnxExport.write(Nets.imageNet(5)));
    for (String use : List.of("calibration", "evaluation")) {
      for (int item = 0; item < 40; item++) {
        BufferedImage image = new BufferedImage(8, 9, BufferedImage.TYPE_INT_RGB);
        Random random = new Random(item + 100 * use.length());
        for (int i = 0; i < 72; i++) {
          image.setRGB(i % 8, i / 8, random.nextInt());
        }
        Path images = Files.createDirectories(folder.resolve(use).resolve("class-" + item % 10));
        ImageIO.write(image, "png", images.resolve(item + ".png").toFile());
      }
    }
    String[] arguments = {
      "--model=" + model,
      "--calibration=" + folder.resolve("calibration"),
      "--evaluation=" + folder.resolve("evaluation"),
      "--max-drop=1",
      "--profile=arm64-neon",
      "--key=" + folder.resolve("release.pem"),
      "--out=" + folder.resolve("named")
    };

    assertThat(PackCommand.run(arguments)).isZero();

    OciLayout layout = OciLayout.read(folder.resolve("named/arm64-neon"));
    ArtifactReader reader = reader(layout);
    assertThat(reader.labels(reader.manifest(layout.model(), layout.signature())))
        .hasSize(10)
        .startsWith("class-0", "class-1");

    Files.move(folder.resolve("evaluation/class-3"), folder.resolve("class-3"));
    arguments[6] = "--out=" + folder.resolve("refused");
    assertThat(said(arguments))
        .contains("[class-3]", "calibration", "evaluation", "folder of each class");
    Files.move(folder.resolve("calibration/class-3"), folder.resolve("other"));
    assertThat(said(arguments)).contains("9 classes", "class-4", "the model says 10");
    assertThat(folder.resolve("refused")).doesNotExist();
  }

  /** Labels as Keras has them were taken for ten amounts, and the metric for an error. */
  @Test
  void takesRowsWithASingleOneForClasses() throws Exception {
    Path model = folder.resolve("images.onnx");
    Files.write(model, OnnxExport.write(Nets.imageNet(5)));
    Random random = new Random(3);
    float[] values = new float[100 * 216];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    int ends = 60 * 216;
    NpyArray.ofFloats(Arrays.copyOf(values, ends), 60, 9, 8, 3).write(folder.resolve("x.npy"));
    NpyArray.ofFloats(Arrays.copyOfRange(values, ends, values.length), 40, 9, 8, 3)
        .write(folder.resolve("c.npy"));
    float[] rows = new float[60 * 10];
    for (int item = 0; item < 60; item++) {
      rows[item * 10 + item % 10] = 1;
    }
    NpyArray.ofFloats(rows, 60, 10).write(folder.resolve("y.npy"));
    rows[5] = 1;
    NpyArray.ofFloats(rows, 60, 10).write(folder.resolve("two.npy"));

    assertThat(PackCommand.run(labelled(model, "y.npy", "--name=images"))).isZero();

    String report = Files.readString(folder.resolve("report.json"), StandardCharsets.UTF_8);
    assertThat(JsonParser.parseString(report).getAsJsonObject().get("metric").getAsString())
        .isEqualTo("accuracy");
    String[] two = labelled(model, "two.npy", "--metric=accuracy");
    two[two.length - 1] = "--out=" + folder.resolve("other");
    assertThat(said(two)).contains("two.npy", "10 numbers", "a single one is 1");
  }

  private String[] labelled(Path model, String labels, String option) {
    return new String[] {
      "--model=" + model,
      "--calibration=" + folder.resolve("c.npy"),
      "--evaluation=" + folder.resolve("x.npy"),
      "--labels=" + folder.resolve(labels),
      "--max-drop=1",
      "--profile=arm64-neon",
      "--json=" + folder.resolve("report.json"),
      option,
      "--out=" + folder.resolve("out")
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"--emulate", "--emulated-items=20", "--arm64-root=nothing"})
  void saysWhyAVariantIsUnprovedWhereAProofWasAskedFor(String option) throws Exception {
    JobFolder job = job(Map.of());
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model=" + job.input("model/model.onnx"),
            "--calibration=" + job.input("calibration.npy"),
            "--calibration-items=40",
            "--profile=arm64-neon",
            "--out=" + folder.resolve("out"),
            option,
            "--json=" + json);

    assertThat(exit).isZero();
    JsonObject proof = winner(variants(json), "arm64-neon").getAsJsonObject("proof");
    if (!proof.get("accuracy").getAsString().equals("emulated")) {
      assertThat(proof.get("reason").getAsString()).containsAnyOf("qemu", "arm64-root");
    }
  }

  @Test
  void judgesHalfTheItemsByTheirLabelsWhereNoOthersAreGiven() throws Exception {
    JobFolder job = job(Map.of());
    NpyArray items = items(1);
    NpyArray labels = labels(job.input("model/model.onnx"), items);
    StringBuilder csv = new StringBuilder();
    IntStream.range(0, 420).forEach(i -> csv.append('x').append(i).append(','));
    csv.append("label");
    for (int item = 0; item < ITEMS; item++) {
      csv.append('\n');
      for (int i = 0; i < 420; i++) {
        csv.append(items.floats()[item * 420 + i]).append(',');
      }
      csv.append((int) labels.floats()[item]);
    }
    Path file = Files.writeString(folder.resolve("items.csv"), csv);
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model=" + job.input("model/model.onnx"),
            "--calibration=" + file,
            "--profile=arm64-neon",
            "--out=" + folder.resolve("out"),
            "--json=" + json);

    assertThat(exit).isZero();
    JsonObject winner = winner(variants(json), "arm64-neon");
    assertThat(winner.get("rocAuc").getAsDouble()).isGreaterThan(0.98);
    assertThat(winner.getAsJsonObject("quality").get("items").getAsInt()).isEqualTo(ITEMS / 2);
  }

  /** A copy is the same data, and so is the whole that only a part was calibrated on. */
  @Test
  void neverJudgesByItemsOfTheCalibrationData() throws Exception {
    JobFolder job = job(Map.of());
    Path evaluation = job.input("evaluation_x.npy");
    items(1).write(evaluation);

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(job.error().orElseThrow().detail())
        .contains(evaluation.toString(), "200 of its 200 items are calibration items")
        .contains("evaluate on other items");

    JobFolder part = job(Map.of());
    float[] few = Arrays.copyOf(items(2).floats(), 20 * 420);
    NpyArray.ofFloats(few, 20, 14, 30).write(part.input("calibration.npy"));

    assertThat(JobMain.run(part, Main::run)).isEqualTo(JobMain.FAILED);
    assertThat(part.error().orElseThrow().detail())
        .contains("20 of its 200 items are calibration items, of which there are 20");
  }

  /** Few are no fault: of rows of a table some are alike. */
  @Test
  void tellsHowManyItemsThatJudgeAreLikeThoseOfCalibration() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    float[] values = items(1).floats();
    System.arraycopy(items(2).floats(), 0, values, 0, 3 * 420);
    NpyArray.ofFloats(values, ITEMS, 14, 30).write(job.input("calibration.npy"));

    assertThat(JobMain.run(job, Main::run)).isZero();

    JsonObject report =
        JsonParser.parseString(Files.readString(job.output().resolve("report.json")))
            .getAsJsonObject();
    assertThat(report.get("sharedItems").getAsInt()).isEqualTo(3);
  }

  @Test
  void neverJudgesByTheCalibrationData() throws Exception {
    JobFolder job = job(Map.of());
    Path calibration = job.input("calibration.npy");
    Path evaluation = job.input("evaluation_x.npy");
    Files.delete(evaluation);
    Files.createSymbolicLink(evaluation, calibration);

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains(evaluation.toString(), "is the calibration data", "leave the evaluation out");
    for (Path same : List.of(calibration, calibration.resolveSibling("./calibration.npy"))) {
      Path out = folder.resolve("out");
      int exit =
          PackCommand.run(
              "--model=" + job.input("model/model.onnx"),
              "--calibration=" + calibration,
              "--evaluation=" + same,
              "--profile=arm64-neon",
              "--out=" + out);
      assertThat(exit).isEqualTo(1);
      assertThat(out).doesNotExist();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "calibration, true, says nothing about its range",
    "calibration, false, says nothing about its range",
    "evaluation_x, true, says nothing of how good a variant is",
    "evaluation_x, false, says nothing of how good a variant is"
  })
  void refusesDataThatSaysNothing(String name, boolean integers, String why) throws Exception {
    JobFolder job = integers ? integerJob() : job(Map.of());
    float[] still = new float[ITEMS * 420];
    Arrays.fill(still, 0.25f);
    NpyArray.ofFloats(still, ITEMS, 14, 30).write(job.input(name + ".npy"));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains(name + ".npy: every value of input 'input' is 0.25, which " + why)
        .endsWith("give real items");
    assertThat(job.output()).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "calibration, true, NaN",
    "calibration, false, NaN",
    "calibration, false, Infinity",
    "evaluation_x, true, -Infinity",
    "evaluation_x, false, NaN",
    "evaluation_x, false, Infinity"
  })
  void refusesDataThatIsNoNumbers(String name, boolean integers, float value) throws Exception {
    JobFolder job = integers ? integerJob() : job(Map.of());
    float[] items = items(2).floats().clone();
    items[7 * 420 + 33] = value;
    NpyArray.ofFloats(items, ITEMS, 14, 30).write(job.input(name + ".npy"));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow())
        .satisfies(
            error -> {
              assertThat(error.code()).isEqualTo(ErrorCode.DATASET_INVALID.name());
              assertThat(error.detail())
                  .contains(
                      "%s.npy: element 33 of item 7 is %s for input 'input'".formatted(name, value))
                  .endsWith("give every element a number, or leave the item out");
            });
    assertThat(job.output()).doesNotExist();
  }

  /** The file's item, and not that of the half in which it came to lie. */
  @Test
  void namesTheItemOfTheFileThatIsNoNumbers() throws Exception {
    JobFolder job = unlabelled(Map.of());
    float[] items = items(2).floats().clone();
    items[9 * 420] = Float.NaN;
    StringBuilder csv = new StringBuilder();
    IntStream.range(0, 420).forEach(i -> csv.append(i == 0 ? "" : ",").append('x').append(i));
    for (int item = 0; item < ITEMS; item++) {
      for (int i = 0; i < 420; i++) {
        float value = items[item * 420 + i];
        csv.append(i == 0 ? '\n' : ',').append(Float.isNaN(value) ? "" : value);
      }
    }
    Path file = Files.writeString(folder.resolve("items.csv"), csv);

    assertThat(
            said(
                "--model=" + job.input("model/model.onnx"),
                "--calibration=" + file,
                "--profile=arm64-neon",
                "--out=" + folder.resolve("out")))
        .contains("items.csv: element 0 of item 9 is NaN for input 'input'");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  /** What is a number in a file may be beyond all numbers in the model. */
  @ParameterizedTest
  @ValueSource(strings = {"calibration", "evaluation_x"})
  void refusesDataOnWhichTheModelOverflows(String name) throws Exception {
    for (boolean integers : List.of(false, true)) {
      JobFolder job = integers ? integerJob() : job(Map.of());
      float[] items = items(4).floats().clone();
      // The first node subtracts up to some units and the second multiplies by up to 1.5.
      Arrays.fill(items, 7 * 420, 8 * 420, 3e38f);
      NpyArray.ofFloats(items, ITEMS, 14, 30).write(job.input(name + ".npy"));

      if (JobMain.run(job, Main::run) == 0) {
        // Integers have ends, beyond which nothing is.
        assertThat(integers).isTrue();
        continue;
      }

      assertThat(job.error().orElseThrow().code()).isEqualTo(ErrorCode.DATASET_INVALID.name());
      assertThat(job.error().orElseThrow().detail())
          .containsPattern(name + ".npy: tensor '(t[0-9]|score)' is not finite on ")
          .endsWith("check the unit of the data, or train the model again");
      assertThat(job.output()).doesNotExist();
    }
  }

  /** A device meets missing values too, and has a bin for them. */
  @Test
  void countsReferenceItemsThatLackValues() throws Exception {
    for (boolean integers : List.of(false, true)) {
      JobFolder job = integers ? integerJob() : job(Map.of("profiles", List.of("arm64-neon")));
      float[] items = items(3).floats().clone();
      for (int item = 0; item < 20; item++) {
        items[item * 420] = Float.NaN;
      }
      NpyArray.ofFloats(items, ITEMS, 14, 30).write(job.input("reference.npy"));

      assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

      OciLayout layout = OciLayout.read(job.output().resolve("arm64-neon"));
      ArtifactReader reader = reader(layout);
      ArtifactManifest manifest = reader.manifest(layout.model(), layout.signature());
      MonitoringPlan plan =
          MonitoringPlan.parse(reader.read(manifest.layer(LayerType.MONITORING).orElseThrow()));
      assertThat(plan.manifest().getBaselineRows()).isEqualTo(ITEMS);
    }
  }

  private JobFolder integerJob() throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    Files.delete(job.input("model/model.onnx"));
    Files.write(job.input("model/model.tflite"), integers());
    return job;
  }

  @ParameterizedTest
  @ValueSource(strings = {"calibration.npy", "../calibration.npy", "timings/cam-1.json"})
  void takesNoOtherInputForAModelsWeights(String location) throws Exception {
    JobFolder job = job(Map.of("profiles", List.of("arm64-neon")));
    Path model = job.input("model/model.onnx");
    GraphProto.Builder graph =
        ModelProto.parseFrom(Files.readAllBytes(model)).getGraph().toBuilder();
    TensorProto.Builder weights = graph.getInitializerBuilder(0);
    long bytes = weights.getRawData().size();
    weights
        .clearRawData()
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .addExternalData(entry("location", location))
        .addExternalData(entry("length", Long.toString(bytes)));
    Files.createDirectories(job.input("timings"));
    Files.write(
        job.input("timings/cam-1.json"),
        new DeviceTimings("arm64-neon", "cam-1", List.of()).json());
    Files.write(
        model,
        ModelProto.parseFrom(Files.readAllBytes(model)).toBuilder()
            .setGraph(graph)
            .build()
            .toByteArray());

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains("save the model as one file")
        .containsAnyOf("no regular file beside the model", "outside the model's folder");
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  /** What a command that fails says. */
  private static String said(String... arguments) {
    PrintStream before = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(PackCommand.run(arguments)).isEqualTo(1);
    } finally {
      System.setErr(before);
    }
    return said.toString(StandardCharsets.UTF_8);
  }

  private JobFolder unlabelled(Map<String, Object> changes) throws Exception {
    JobFolder job = job(changes);
    for (String name : List.of("evaluation_x", "evaluation_y", "reference")) {
      Files.delete(job.input(name + ".npy"));
    }
    return job;
  }

  private JobFolder job(Map<String, Object> changes) throws Exception {
    Map<String, Object> yaml = new LinkedHashMap<>();
    yaml.put("kind", "package");
    yaml.put("model", "engine-health");
    yaml.put("version", 3);
    yaml.put("releaseCounter", 3);
    yaml.put("scoreOutput", "score");
    yaml.put("maxDrop", 0.02);
    yaml.put("profiles", PROFILES);
    yaml.put("keyFile", folder.resolve("release.pem").toString());
    yaml.putAll(changes);
    JobFolder job = JobFolder.create(Files.createTempDirectory(folder, "job"), yaml);
    Files.createDirectories(job.input("model"));
    Files.write(job.input("model/model.onnx"), OnnxExport.write(graph));
    items(1).write(job.input("calibration.npy"));
    items(2).write(job.input("evaluation_x.npy"));
    items(3).write(job.input("reference.npy"));
    labels(job.input("model/model.onnx"), items(2)).write(job.input("evaluation_y.npy"));
    return job;
  }

  /** The float model's own opinion, so that every faithful variant is right. */
  private NpyArray labels(Path model, NpyArray items) throws Exception {
    float[] scores = scores(model, items).floats();
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    float[] labels = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      labels[i] = scores[i] > sorted[ITEMS / 2] ? 1 : 0;
    }
    return NpyArray.ofFloats(labels, ITEMS);
  }

  private static NpyArray scores(Path model, NpyArray items) throws Exception {
    Samples samples = Samples.of("items", items, 420);
    try (LoadedModel loaded = new Bench().load(Engine.ONNXRUNTIME, model)) {
      Outputs outputs = new Bench().outputs(loaded, samples, "score");
      float[] scores = new float[ITEMS];
      for (int i = 0; i < ITEMS; i++) {
        scores[i] = outputs.at(i, 0);
      }
      return NpyArray.ofFloats(scores, ITEMS);
    }
  }

  private static NpyArray items(long seed) {
    Random random = new Random(seed);
    float[] values = new float[ITEMS * 14 * 30];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() + (i / 420) % 7;
    }
    return NpyArray.ofFloats(values, ITEMS, 14, 30);
  }

  private ArtifactReader reader(OciLayout layout) {
    return new ArtifactReader(
        BlobSource.ofLayout(layout.folder()), ReleaseCheck.byKeys(List.of(key.verificationKey())));
  }

  private static List<Tensor> inputs(GoldenCase golden) {
    return golden.inputs().stream()
        .map(t -> new Tensor(t.name(), t.type(), t.shape(), t.data()))
        .toList();
  }

  private static JsonArray variants(Path report) throws Exception {
    String text = Files.readString(report, StandardCharsets.UTF_8);
    return JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("variants");
  }

  private static JsonObject winner(JsonArray variants, String profile) {
    for (JsonElement variant : variants) {
      JsonObject object = variant.getAsJsonObject();
      if (object.get("profile").getAsString().equals(profile)
          && object.get("winner").getAsBoolean()) {
        return object;
      }
    }
    throw new AssertionError("no winner for " + profile);
  }
}
