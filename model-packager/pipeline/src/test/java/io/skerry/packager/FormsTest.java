package io.skerry.packager;

import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.FusionCheck;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.packager.quantize.WeightsExport;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every form that a model is written in says what the model says, by the device's own engines. */
class FormsTest {
  private static final Path MODELS = Path.of("../../../shared/data/onnx-fp32");
  private static final int SAMPLES = 64;
  private static final double FLOAT_TOLERANCE = 1e-4;
  private static final double SIGNAL_TO_NOISE_MIN = 20;

  private static final Options OPTIONS = Options.of(Clipping.MIN_MAX);

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void rewritesAndFloatFormsKeepOutputs(long seed) throws Exception {
    checkFloatForms(OnnxExport.write(Nets.sensorNet(seed)));
    checkFloatForms(OnnxExport.write(Nets.imageNet(seed)));
    checkFloatForms(OnnxExport.write(Nets.branchNet(seed)));
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"kws-fp32.onnx", "resnet8-fp32.onnx", "rul-fp32.onnx"})
  void realModelsKeepOutputsInFloatForms(String name) throws Exception {
    assumeThat(MODELS.resolve(name)).as("models beside the repository").exists();

    checkFloatForms(Files.readAllBytes(MODELS.resolve(name)));
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void integerOnnxStaysClose(Scheme scheme) throws Exception {
    for (Graph graph : new Graph[] {Nets.sensorNet(1), Nets.imageNet(1), Nets.branchNet(1)}) {
      Samples samples = random(graph);
      Outputs reference = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, samples);

      byte[] written =
          QdqExport.write(Nets.quantized(graph, seen(graph, samples), scheme, OPTIONS));

      Outputs outputs = outputs(Engine.ONNXRUNTIME, written, graph, samples);
      assertThat(outputs.signalToNoise(reference)).isGreaterThan(SIGNAL_TO_NOISE_MIN);
    }
  }

  static List<Scheme> schemes() {
    return List.of(Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING, Scheme.SIGNED, Scheme.SYMMETRIC);
  }

  /**
   * The runtime's optimiser makes integers of float layers between integers, with one scale for all
   * weights, unless the file keeps it from that.
   */
  @Test
  void layersThatAreToStayFloatDoSoInTheEngine() throws Exception {
    Graph graph = Nets.imageNet(4);
    Observations seen = seen(graph, random(graph));
    Node depthwise = graph.nodes().get(2);

    byte[] written =
        QdqExport.write(
            Nets.quantized(graph, seen, Scheme.UNSIGNED, OPTIONS.with(Set.of(depthwise.name()))));

    assertThat(FusionCheck.unfused(written))
        .singleElement(as(InstanceOfAssertFactories.STRING))
        .startsWith(depthwise.name());
  }

  /** Whatever computes floats between integers costs time, not only what could be integers. */
  @Test
  void allThatComputesFloatsBetweenIntegersIsTold() throws Exception {
    Nets net = new Nets(2, "x", Shape.BATCH, 3, 8, 8);
    net.conv(4, Activation.NONE, 3, 3).add(new Op.Function(Op.Function.Kind.TANH, 0));
    net.conv(4, Activation.RELU, 3, 3);
    Graph graph = net.graph("y");

    byte[] written =
        QdqExport.write(
            Nets.quantized(graph, seen(graph, random(graph)), Scheme.UNSIGNED, OPTIONS));

    assertThat(FusionCheck.unfused(written)).containsExactly("node1 (Tanh)");
  }

  @Test
  void writesNoSumThatEndsTheProcessOfTflite() throws Exception {
    Graph graph = Nets.imageNet(1);
    QuantizedGraph whole =
        Nets.quantized(graph, seen(graph, random(graph)), Scheme.SIGNED, OPTIONS);
    Node sum =
        graph.nodes().stream().filter(n -> n.op() instanceof Op.Binary).findFirst().orElseThrow();
    TensorScale coarse = new TensorScale(IntegerType.INT8, 3e25f, 127);
    TensorScale coarser = new TensorScale(IntegerType.INT8, 3e36f, 127);

    for (Map<String, TensorScale> other :
        List.of(Map.of(sum.input(), coarse), Map.of(sum.input(), coarser, sum.output(), coarser))) {
      Map<String, TensorScale> scales = new HashMap<>(whole.activations());
      scales.putAll(other);
      QuantizedGraph apart =
          new QuantizedGraph(graph, whole.scheme(), scales, whole.layers(), whole.quantized());
      assertThatThrownBy(() -> TfliteExport.write(apart))
          .isInstanceOf(ModelRefusedException.class)
          .hasMessageContainingAll("node '%s'".formatted(sum.name()), "too coarse for sums");
    }
  }

  @Test
  void integerTfliteStaysClose() throws Exception {
    for (Graph graph : new Graph[] {Nets.sensorNet(1), Nets.imageNet(1), Nets.branchNet(1)}) {
      Samples samples = random(graph);
      Outputs reference = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, samples);

      byte[] written =
          TfliteExport.write(Nets.quantized(graph, seen(graph, samples), Scheme.SIGNED, OPTIONS));

      Outputs outputs = outputs(Engine.TFLITE, written, graph, samples);
      assertThat(outputs.signalToNoise(reference)).isGreaterThan(SIGNAL_TO_NOISE_MIN);
    }
  }

  @Test
  void halvesAndWeightsOnlyAreSmallerAndClose() throws Exception {
    for (Graph graph : new Graph[] {Nets.sensorNet(1), Nets.imageNet(1), Nets.branchNet(1)}) {
      Samples samples = random(graph);
      byte[] floats = OnnxExport.write(graph);
      Outputs reference = outputs(Engine.ONNXRUNTIME, floats, graph, samples);

      byte[] halves = OnnxExport.writeHalf(graph);
      byte[] weights = WeightsExport.write(graph);

      assertThat(outputs(Engine.ONNXRUNTIME, halves, graph, samples).largestDifference(reference))
          .isLessThan(0.01);
      assertThat(outputs(Engine.ONNXRUNTIME, weights, graph, samples).signalToNoise(reference))
          .isGreaterThan(SIGNAL_TO_NOISE_MIN);
      assertThat(halves.length).isLessThan(floats.length);
      assertThat(weights.length).isLessThan(floats.length);
    }
  }

  @Test
  void integerTfliteIsTakenOverByXnnpackWhole() throws Exception {
    for (Graph graph : new Graph[] {Nets.sensorNet(1), Nets.imageNet(1), Nets.branchNet(1)}) {
      Path file = folder.resolve("whole.tflite");
      Files.write(
          file,
          TfliteExport.write(
              Nets.quantized(graph, seen(graph, random(graph)), Scheme.SIGNED, OPTIONS)));

      assertThat(Delegation.undelegated(file)).isEmpty();
    }
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"kws-fp32.onnx", "resnet8-fp32.onnx", "rul-fp32.onnx"})
  void realModelsStayCloseInIntegerForms(String name) throws Exception {
    assumeThat(MODELS.resolve(name)).as("models beside the repository").exists();
    Graph graph = OnnxImport.read(MODELS.resolve(name));
    Samples samples = random(graph);
    Observations seen = seen(graph, samples);
    Outputs reference = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, samples);

    byte[] onnx = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, OPTIONS));
    byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS));

    assertThat(outputs(Engine.ONNXRUNTIME, onnx, graph, samples).signalToNoise(reference))
        .isGreaterThan(SIGNAL_TO_NOISE_MIN);
    assertThat(outputs(Engine.TFLITE, tflite, graph, samples).signalToNoise(reference))
        .isGreaterThan(SIGNAL_TO_NOISE_MIN);
    assertThat(onnx.length).isLessThan(OnnxExport.write(graph).length / 2);
  }

  @Test
  void writesTheSameBytesForTheSameModelAndData() throws Exception {
    Graph graph = Nets.sensorNet(3);
    Observations seen = seen(graph, random(graph));

    assertThat(QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, OPTIONS)))
        .isEqualTo(QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, OPTIONS)));
    assertThat(TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS)))
        .isEqualTo(TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS)));
  }

  private void checkFloatForms(byte[] original) throws Exception {
    Graph graph = OnnxImport.read(original);
    Samples samples = random(graph);
    Outputs reference = outputs(Engine.ONNXRUNTIME, original, graph, samples);

    Outputs onnx = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, samples);
    Outputs tflite = outputs(Engine.TFLITE, TfliteExport.write(graph), graph, samples);

    assertThat(onnx.largestDifference(reference)).isLessThan(FLOAT_TOLERANCE);
    assertThat(tflite.largestDifference(reference)).isLessThan(FLOAT_TOLERANCE);
  }

  private static Observations seen(Graph graph, Samples samples) {
    return Calibrator.observe(graph, samples);
  }

  private Outputs outputs(Engine engine, byte[] content, Graph graph, Samples samples)
      throws Exception {
    Path file = folder.resolve("model." + engine);
    Files.write(file, content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, samples, graph.outputs().getFirst());
    }
  }

  private static Samples random(Graph graph) {
    return Nets.randomItems(graph, SAMPLES);
  }
}
