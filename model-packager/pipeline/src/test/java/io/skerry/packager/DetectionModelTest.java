package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.flatbuffers.FlatBufferBuilder;
import com.google.flatbuffers.FlexBuffersBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.lite.schema.BufferT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.BuiltinOptionsUnion;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorCodeT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.ReshapeOptionsT;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;

/** A TFLite detector that ends in TFLite's detection operator. */
class DetectionModelTest {
  private static final int ANCHORS = 6;
  private static final int CLASSES = 2;
  private static final int FOUND_MAX = 5;
  private static final int INPUTS = 12;
  private static final int ITEMS = 60;
  private static final float SCORE_MIN = 0.5f;
  private static final List<String> OUTPUTS = List.of("boxes", "classes", "scores", "count");

  @TempDir private Path folder;

  @Test
  void isJudgedByItsFourOutputs() throws Exception {
    JobFolder job = job(OUTPUTS, Map.of());

    assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

    assertThat(valueOfWinner(job)).isCloseTo(1, within(1e-9));
  }

  /** Exporters give the outputs in an order of their own; the operator has one, and is known. */
  @Test
  void isJudgedByOutputsInAnotherOrder() throws Exception {
    List<String> order = List.of("scores", "boxes", "count", "classes");
    for (Map<String, Object> said :
        List.of(
            Map.<String, Object>of(),
            Map.<String, Object>of("scoreOutput", String.join(",", OUTPUTS)))) {
      JobFolder integers = job(order, said);
      JobFolder floats = job(detector(TfliteExport.write(graph()), order), said);

      assertThat(JobMain.run(integers, Main::run)).as(String.valueOf(integers.error())).isZero();
      assertThat(valueOfWinner(integers)).isCloseTo(1, within(1e-9));
      assertThat(JobMain.run(floats, Main::run)).as(String.valueOf(floats.error())).isZero();
      assertThat(variants(floats))
          .filteredOn(variant -> variant.get("precision").getAsString().equals("fp32"))
          .allSatisfy(
              variant ->
                  assertThat(variant.get("meanAveragePrecision").getAsDouble())
                      .isCloseTo(1, within(1e-9)));
    }
  }

  @Test
  void isRefusedWhereItsOutputsAreNamedInAnotherOrder() throws Exception {
    JobFolder job = job(OUTPUTS, Map.of("scoreOutput", "scores,boxes,count,classes"));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains("model.tflite", "'scores' FP32", "name boxes, classes, scores and count");
  }

  /** The largest number of such an output is some coordinate, wherever the boxes are. */
  @Test
  void isJudgedByItsBoxesWithoutLabels() throws Exception {
    for (Map<String, Object> said :
        List.of(
            Map.<String, Object>of(),
            Map.<String, Object>of("boxes", "detection-postprocess"),
            Map.<String, Object>of("metric", "agreement", "boxes", "detection-postprocess"))) {
      JobFolder job = unlabelled(detector(TfliteExport.write(graph()), OUTPUTS), said);

      assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

      assertThat(variants(job))
          .hasSize(2)
          .allSatisfy(
              variant -> {
                assertThat(variant.get("agreement").getAsDouble()).isGreaterThan(0.6);
                assertThat(variant.get("reason").getAsString())
                    .containsPattern(
                        "no labels given, agrees with the given model on [0-9.]+ % of boxes, of which"
                            + " that finds [0-9]+ in 60 held-out items");
                assertThat(variant.getAsJsonObject("quality").get("flips").isJsonNull()).isTrue();
              });
    }
  }

  /** Integers that were given are taken as they are, and still known for a detector. */
  @Test
  void ofIntegersIsJudgedByItsBoxesWithoutLabels() throws Exception {
    JobFolder job = unlabelled(detector(integers(), OUTPUTS), Map.of());

    assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

    assertThat(variants(job))
        .singleElement()
        .satisfies(
            variant -> {
              assertThat(variant.get("agreement").getAsDouble()).isEqualTo(1);
              assertThat(variant.get("reason").getAsString()).contains("on 100.00 % of boxes");
            });
  }

  @Test
  void isJudgedByItsLabelsWhereOnlyBoxesAreSaid() throws Exception {
    Map<String, Object> unsaid = new LinkedHashMap<>();
    unsaid.put("metric", null);
    JobFolder job = job(OUTPUTS, unsaid);

    assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

    assertThat(valueOfWinner(job)).isCloseTo(1, within(1e-9));
  }

  @Test
  void isRefusedWithoutLabelsWhereItFindsNothing() throws Exception {
    JobFolder job =
        unlabelled(detector(TfliteExport.write(graph()), OUTPUTS), Map.of("threshold", 0.9999));

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains("evaluation_x.npy", "finds no box with a score from 0.9999")
        .contains("give items that show what it detects");
    assertThat(job.output()).doesNotExist();
  }

  /** ONNX has no such operator; TFLite files of floats and of integers keep it. */
  @Test
  void becomesIntegersUpToTheOperator() throws Exception {
    byte[] floats = detector(TfliteExport.write(graph()), OUTPUTS);
    JobFolder job =
        job(floats, Map.of("maxDrop", 0.5, "profiles", List.of("arm64-neon", "nvidia-cuda")));

    assertThat(JobMain.run(job, Main::run)).as(String.valueOf(job.error())).isZero();

    Map<String, JsonObject> variants =
        variants(job).stream()
            .collect(
                Collectors.toMap(
                    v -> v.get("engine").getAsString() + "/" + v.get("precision").getAsString(),
                    v -> v));
    assertThat(variants).containsOnlyKeys("tflite/int8", "tflite/fp32");
    JsonObject real = Objects.requireNonNull(variants.get("tflite/fp32"));
    JsonObject integer = Objects.requireNonNull(variants.get("tflite/int8"));
    assertThat(real.get("meanAveragePrecision").getAsDouble()).isCloseTo(1, within(1e-9));
    assertThat(real.get("bytes").getAsLong()).isEqualTo(floats.length);
    assertThat(integer.get("meanAveragePrecision").getAsDouble()).isGreaterThan(0.7);
    // So small a model is none the smaller for it.
    assertThat(integer.get("bytes").getAsLong()).isNotEqualTo(floats.length);
    assertThat(Files.readString(job.output().resolve("report.json")))
        .contains("the model ends in TFLite_Detection_PostProcess, which ONNX has not, and profile")
        .contains("'nvidia-cuda' names no TFLite candidate");
  }

  @Test
  void namesACustomOperatorThatIsNotKnown() throws Exception {
    byte[] floats = detector(TfliteExport.write(graph()), OUTPUTS);
    ModelT model = ModelT.deserializeFromBinary(floats);
    OperatorCodeT[] codes = model.getOperatorCodes();
    codes[codes.length - 1].setCustomCode("Sort_By_Taste");
    FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
    Model.finishModelBuffer(builder, Model.pack(builder, model));
    Path file = Files.write(folder.resolve("taste.tflite"), builder.sizedByteArray());

    assertThatThrownBy(() -> Source.read(file, Optional.empty()))
        .hasMessageContaining("%s: node 'custom_", file)
        .hasMessageContaining("the custom operator 'Sort_By_Taste' is not supported")
        .hasMessageEndingWith("export the model without it");
  }

  /** The engine tells neither the operator nor what to do. */
  @Test
  void namesACustomOperatorAmongIntegersThatIsNotKnown() throws Exception {
    ModelT model = ModelT.deserializeFromBinary(detector(integers(), OUTPUTS));
    OperatorCodeT[] codes = model.getOperatorCodes();
    codes[codes.length - 1].setCustomCode("Sort_By_Taste");
    FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
    Model.finishModelBuffer(builder, Model.pack(builder, model));
    JobFolder job = job(OUTPUTS, Map.of());
    Files.write(job.input("model/model.tflite"), builder.sizedByteArray());

    assertThat(JobMain.run(job, Main::run)).isEqualTo(JobMain.FAILED);

    assertThat(job.error().orElseThrow().detail())
        .contains("model.tflite: node 'custom_")
        .contains("the custom operator 'Sort_By_Taste' is not supported")
        .endsWith("export the model without it");
  }

  private static List<JsonObject> variants(JobFolder job) throws Exception {
    JsonObject report =
        JsonParser.parseString(Files.readString(job.output().resolve("report.json")))
            .getAsJsonObject();
    return report.getAsJsonArray("variants").asList().stream()
        .map(variant -> variant.getAsJsonObject())
        .toList();
  }

  private static double valueOfWinner(JobFolder job) throws Exception {
    return variants(job).stream()
        .filter(variant -> variant.get("winner").getAsBoolean())
        .findFirst()
        .orElseThrow()
        .get("meanAveragePrecision")
        .getAsDouble();
  }

  private JobFolder job(List<String> order, Map<String, Object> changes) throws Exception {
    return job(detector(integers(), order), changes);
  }

  private static byte[] integers() {
    Graph graph = graph();
    return TfliteExport.write(
        Nets.quantized(
            graph,
            Calibrator.observe(graph, Nets.randomItems(graph, 32)),
            Scheme.SIGNED,
            Options.of(Clipping.MIN_MAX)));
  }

  /** A job that says nothing else of how variants are judged. */
  private JobFolder unlabelled(byte[] detector, Map<String, Object> said) throws Exception {
    Map<String, Object> changes = new LinkedHashMap<>();
    changes.put("metric", null);
    changes.put("boxes", null);
    changes.put("maxDrop", 0.5);
    changes.putAll(said);
    JobFolder job = job(detector, changes);
    Files.delete(job.input("evaluation_y.npy"));
    return job;
  }

  private JobFolder job(byte[] detector, Map<String, Object> changes) throws Exception {
    Path key = Files.createTempDirectory(folder, "key").resolve("release.pem");
    SigningKey.generate().write(key);
    Map<String, Object> yaml = new LinkedHashMap<>();
    yaml.put("kind", "package");
    yaml.put("model", "detector");
    yaml.put("version", 1);
    yaml.put("releaseCounter", 1);
    yaml.put("metric", "meanAveragePrecision");
    yaml.put("boxes", "detection-postprocess");
    yaml.put("profiles", List.of("arm64-neon"));
    yaml.put("keyFile", key.toString());
    yaml.putAll(changes);
    yaml.values().removeIf(Objects::isNull);
    JobFolder job = JobFolder.create(Files.createTempDirectory(folder, "job"), yaml);
    Files.createDirectories(job.input("model"));
    Path model = Files.write(job.input("model/model.tflite"), detector);
    items(1).write(job.input("calibration.npy"));
    items(2).write(job.input("evaluation_x.npy"));
    labels(model, items(2)).write(job.input("evaluation_y.npy"));
    return job;
  }

  private static NpyArray items(long seed) {
    Random random = new Random(seed);
    float[] values = new float[ITEMS * INPUTS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return NpyArray.ofFloats(values, ITEMS, INPUTS);
  }

  /** The boxes of which the model itself is sure: left, top, right, bottom, class. */
  private static NpyArray labels(Path model, NpyArray items) throws Exception {
    Samples samples = Samples.of("items", items, INPUTS);
    float[] labels = new float[ITEMS * FOUND_MAX * 5];
    try (LoadedModel loaded = new Bench().load(Engine.TFLITE, model)) {
      Outputs said = new Bench().outputs(loaded, samples, OUTPUTS);
      for (int item = 0; item < ITEMS; item++) {
        for (int box = 0; box < FOUND_MAX; box++) {
          int of = (item * FOUND_MAX + box) * 5;
          labels[of] = said.at(item, box * 4 + 1);
          labels[of + 1] = said.at(item, box * 4);
          labels[of + 2] = said.at(item, box * 4 + 3);
          labels[of + 3] = said.at(item, box * 4 + 2);
          boolean sure = said.at(item, 5 * FOUND_MAX + box) > SCORE_MIN;
          labels[of + 4] = sure ? said.at(item, 4 * FOUND_MAX + box) : -1;
        }
      }
    }
    return NpyArray.ofFloats(labels, ITEMS, FOUND_MAX * 5);
  }

  private static Graph graph() {
    Nets net = new Nets(5, "x", Shape.BATCH, INPUTS).dense(16, Activation.RELU);
    String features = net.last();
    String boxes = net.dense(ANCHORS * 4, Activation.NONE).last();
    Graph whole =
        net.from(features)
            .dense(ANCHORS * CLASSES, Activation.NONE)
            .add(new Op.Sigmoid())
            .graph("y");
    return new Graph(
        whole.name(),
        whole.input(),
        List.of(boxes, "y"),
        whole.nodes(),
        whole.constants(),
        whole.shapes());
  }

  private static byte[] detector(byte[] written, List<String> order) {
    ModelT model = ModelT.deserializeFromBinary(written);
    new DetectionEnd(model).add(order);
    FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
    Model.finishModelBuffer(builder, Model.pack(builder, model));
    return builder.sizedByteArray();
  }

  /** Puts the operator behind a model's two outputs. */
  private static final class DetectionEnd {
    private final ModelT model;
    private final SubGraphT graph;

    DetectionEnd(ModelT model) {
      this.model = model;
      this.graph = model.getSubgraphs()[0];
      // What was read has empty ones, of which the interpreter complains.
      Arrays.stream(graph.getOperators()).forEach(operator -> operator.setCustomOptions(null));
    }

    void add(List<String> order) {
      int boxes = reshaped(graph.getOutputs()[0], "places", 1, ANCHORS, 4);
      int scores = reshaped(graph.getOutputs()[1], "chances", 1, ANCHORS, CLASSES);
      int[] outputs = {
        tensor("boxes", 0, 1, FOUND_MAX, 4),
        tensor("classes", 0, 1, FOUND_MAX),
        tensor("scores", 0, 1, FOUND_MAX),
        tensor("count", 0, 1)
      };
      OperatorT operator =
          operator(
              BuiltinOperator.CUSTOM,
              new int[] {boxes, scores, tensor("anchors", anchors(), ANCHORS, 4)},
              outputs);
      operator.setCustomOptions(options());
      graph.setOutputs(order.stream().mapToInt(name -> outputs[OUTPUTS.indexOf(name)]).toArray());
    }

    private int reshaped(int tensor, String name, int... shape) {
      int made = tensor(name, 0, shape);
      ReshapeOptionsT options = new ReshapeOptionsT();
      options.setNewShape(shape);
      BuiltinOptionsUnion union = new BuiltinOptionsUnion();
      union.setType(BuiltinOptions.ReshapeOptions);
      union.setValue(options);
      operator(BuiltinOperator.RESHAPE, new int[] {tensor}, new int[] {made})
          .setBuiltinOptions(union);
      return made;
    }

    private OperatorT operator(int code, int[] inputs, int[] outputs) {
      OperatorCodeT known = new OperatorCodeT();
      known.setBuiltinCode(code);
      known.setDeprecatedBuiltinCode((byte) code);
      known.setVersion(1);
      known.setCustomCode(code == BuiltinOperator.CUSTOM ? "TFLite_Detection_PostProcess" : null);
      model.setOperatorCodes(with(model.getOperatorCodes(), known));
      OperatorT operator = new OperatorT();
      operator.setOpcodeIndex(model.getOperatorCodes().length - 1);
      operator.setInputs(inputs);
      operator.setOutputs(outputs);
      graph.setOperators(with(graph.getOperators(), operator));
      return operator;
    }

    private int tensor(String name, int buffer, int... shape) {
      TensorT tensor = new TensorT();
      tensor.setName(name);
      tensor.setShape(shape);
      tensor.setType(TensorType.FLOAT32);
      tensor.setBuffer(buffer);
      graph.setTensors(with(graph.getTensors(), tensor));
      return graph.getTensors().length - 1;
    }

    private int anchors() {
      ByteBuffer bytes =
          ByteBuffer.allocate(ANCHORS * 4 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      for (int anchor = 0; anchor < ANCHORS; anchor++) {
        int row = anchor / 3;
        int column = anchor % 3;
        bytes.putFloat(row * 0.5f + 0.25f).putFloat(column * 0.3f + 0.2f);
        bytes.putFloat(0.2f).putFloat(0.2f);
      }
      BufferT buffer = new BufferT();
      buffer.setData(unsigned(bytes.array()));
      model.setBuffers(with(model.getBuffers(), buffer));
      return model.getBuffers().length - 1;
    }

    private static int[] options() {
      FlexBuffersBuilder options = new FlexBuffersBuilder();
      int map = options.startMap();
      options.putInt("max_detections", FOUND_MAX);
      options.putInt("max_classes_per_detection", 1);
      options.putInt("num_classes", CLASSES);
      options.putFloat("nms_score_threshold", 0.01f);
      options.putFloat("nms_iou_threshold", 0.5f);
      options.putFloat("y_scale", 10f);
      options.putFloat("x_scale", 10f);
      options.putFloat("h_scale", 5f);
      options.putFloat("w_scale", 5f);
      options.endMap(null, map);
      ByteBuffer bytes = options.finish();
      byte[] content = new byte[bytes.remaining()];
      bytes.get(content);
      return unsigned(content);
    }

    private static int[] unsigned(byte[] bytes) {
      return IntStream.range(0, bytes.length).map(i -> Byte.toUnsignedInt(bytes[i])).toArray();
    }

    private static <T> T[] with(T[] all, T more) {
      T[] longer = Arrays.copyOf(all, all.length + 1);
      longer[all.length] = more;
      return longer;
    }
  }
}
