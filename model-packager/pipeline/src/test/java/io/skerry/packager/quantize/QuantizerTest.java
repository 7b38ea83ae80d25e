package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.measure.Outputs;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class QuantizerTest {
  private final Graph graph = Nets.sensorNet(1);
  private final QuantizedGraph quantized =
      Nets.quantized(graph, seen(graph), Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX));

  /** Masks lie channels first where their shares are taken channels last. */
  @Test
  void keepsFinalScoresFloatThatAreOnlyPutInAnotherOrder() {
    Nets net = new Nets(4, "x", Shape.BATCH, 3, 6, 6).conv(4, Activation.RELU, 3, 3);
    net.add(new Op.Transpose(List.of(0, 2, 3, 1))).add(new Op.Softmax());
    net.add(new Op.Transpose(List.of(0, 3, 1, 2)));
    Graph masks = net.add(new Op.Reshape(Shape.of(Shape.BATCH, 4, 36))).graph("y");
    QuantizedGraph scores =
        Nets.quantized(masks, seen(masks), Scheme.SIGNED, Options.of(Clipping.MIN_MAX));

    assertThat(masks.nodes().stream().filter(node -> !scores.isQuantized(node)).map(Node::op))
        .hasExactlyElementsOfTypes(Op.Softmax.class, Op.Transpose.class, Op.Reshape.class);
  }

  @Test
  void keepsNormalisationAndTheFinalSigmoidFloat() {
    List<Op> floats =
        graph.nodes().stream().filter(node -> !quantized.isQuantized(node)).map(Node::op).toList();

    assertThat(floats)
        .containsExactly(
            new Op.Binary(Op.Binary.Kind.SUB), new Op.Binary(Op.Binary.Kind.MUL), new Op.Sigmoid());
  }

  @Test
  void sharesOneScaleAcrossOperatorsThatPassElementsOn() {
    for (Node node : graph.nodes()) {
      if (node.op().passesThrough()) {
        assertThat(quantized.scale(node.output())).isEqualTo(quantized.scale(node.input()));
      }
    }
  }

  @Test
  void keepsPairsOfWeightsFromSaturatingWhereTheTargetWould() {
    QuantizedGraph safe =
        Nets.quantized(
            graph, seen(graph), Scheme.UNSIGNED_SATURATING, Options.of(Clipping.MIN_MAX));

    safe.layers()
        .values()
        .forEach(
            layer -> {
              byte[] weights = layer.weights();
              int each = weights.length / layer.scales().length;
              for (int o = 0; o < layer.scales().length; o++) {
                assertThat(SaturationBound.canSaturate(weights, o * each, (o + 1) * each))
                    .isFalse();
              }
            });
  }

  @Test
  void keepsAllBitsOfLayersThatCannotSaturate() {
    Graph harmless = Nets.dense(new float[] {1, -1, 0.003f, -0.003f}, 4);

    QuantizedGraph safe =
        Nets.quantized(
            harmless, seen(harmless), Scheme.UNSIGNED_SATURATING, Options.of(Clipping.MIN_MAX));

    assertThat(safe.layers().values())
        .singleElement()
        .satisfies(layer -> assertThat(layer.weights()).containsExactly(127, -127, 0, 0));
  }

  @Test
  void absorbsActivationsWhoseClampTheZeroPointMakes() throws Exception {
    List<String> operators =
        ModelProto.parseFrom(QdqExport.write(quantized)).getGraph().getNodeList().stream()
            .map(NodeProto::getOpType)
            .toList();

    assertThat(operators).doesNotContain("Relu", "Clip").contains("QuantizeLinear", "Sigmoid");
  }

  @ParameterizedTest
  @MethodSource("perChannelSchemes")
  void givesEachOutputAScaleOfItsOwn(Scheme scheme) throws Exception {
    Graph unequal = Nets.unequalImageNet(4);
    QuantizedGraph quantized =
        Nets.quantized(unequal, seen(unequal), scheme, Options.of(Clipping.MIN_MAX));
    GraphProto file = ModelProto.parseFrom(QdqExport.write(quantized)).getGraph();

    quantized
        .layers()
        .forEach(
            (name, layer) -> {
              NodeProto weights = weights(file, name);
              TensorProto scale = constant(file, weights.getInput(1));
              assertThat(scale.getDimsList())
                  .as(name)
                  .containsExactly((long) layer.scales().length);
              assertThat(weights.getAttribute(0).getName()).isEqualTo("axis");
              assertThat(weights.getAttribute(0).getI()).isZero();
              assertThat(constant(file, weights.getInput(0)).getDims(0))
                  .isEqualTo(layer.scales().length);
            });
    assertThat(quantized.layer(unequal.nodes().get(2)).orElseThrow().scales())
        .doesNotHaveDuplicates();
  }

  static List<Scheme> perChannelSchemes() {
    return List.of(Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING, Scheme.SIGNED, Scheme.SYMMETRIC);
  }

  /** What knows one scale for a layer's weights knows no axis either. */
  @ParameterizedTest
  @MethodSource("perTensorSchemes")
  void givesTheWeightsOfALayerOneScaleWhereTheTargetKnowsNoOther(Scheme scheme) throws Exception {
    for (float bias : new float[] {0, 1e7f}) {
      Graph graph = Nets.imageNet(3);
      Node conv = graph.nodes().get(1);
      Map<String, Constant> constants = new HashMap<>(graph.constants());
      // A bias that takes a wider scale than the weights do.
      constants.compute(conv.inputs().get(2), (name, known) -> with(known, 0, bias));
      Graph biased =
          new Graph(
              graph.name(),
              graph.input(),
              graph.outputs(),
              graph.nodes(),
              constants,
              graph.shapes());

      QuantizedGraph quantized =
          Nets.quantized(biased, seen(biased), scheme, Options.of(Clipping.MIN_MAX));
      byte[] written = QdqExport.write(quantized);

      GraphProto file = ModelProto.parseFrom(written).getGraph();
      quantized
          .layers()
          .forEach(
              (name, layer) -> {
                assertThat(distinct(layer.scales())).as(name).hasSize(1);
                assertThat(constant(file, weights(file, name).getInput(1)).getDimsList()).isEmpty();
                assertThat(weights(file, name).getAttributeList()).isEmpty();
                int each = layer.weights().length / layer.scales().length;
                for (int o = 0; scheme.saturatingPairs() && o < layer.scales().length; o++) {
                  assertThat(SaturationBound.canSaturate(layer.weights(), o * each, (o + 1) * each))
                      .isFalse();
                }
              });
      for (NodeProto node : file.getNodeList()) {
        if (isQuantize(node)) {
          assertThat(constant(file, node.getInput(1)).getDimsList()).as(node.getName()).isEmpty();
          assertThat(constant(file, node.getInput(2)).getDimsList()).as(node.getName()).isEmpty();
        }
      }
      if (bias == 0) {
        float[] reals = run(biased, OnnxExport.write(biased), OptLevel.ALL_OPT);
        assertThat(
                Outputs.of(1, run(biased, written, OptLevel.ALL_OPT))
                    .signalToNoise(Outputs.of(1, reals)))
            .isGreaterThan(15);
      }
    }
  }

  static List<Scheme> perTensorSchemes() {
    return List.of(
        new Scheme(IntegerType.UINT8, false, false, true),
        new Scheme(IntegerType.UINT8, false, true, true),
        new Scheme(IntegerType.INT8, false, false, true),
        new Scheme(IntegerType.INT8, true, false, true));
  }

  /** Where the weights' scale is tiny, so would be the bias's, and 32 bits would not hold it. */
  @Test
  void widensTheScaleOfWeightsUntilTheBiasFits32Bits() {
    Graph tiny = Nets.dense(new float[] {1e-9f, -1e-9f, 0.5f, -0.5f}, 2);
    Node layer = tiny.nodes().getFirst();
    Map<String, Constant> constants = new HashMap<>(tiny.constants());
    constants.put("bias", Constant.of(Shape.of(2), 3000, -3000));
    Graph biased =
        new Graph(
            tiny.name(),
            tiny.input(),
            tiny.outputs(),
            List.of(
                new Node(
                    layer.name(),
                    layer.op(),
                    List.of(layer.inputs().getFirst(), layer.inputs().get(1), "bias"),
                    layer.output(),
                    layer.activation())),
            constants,
            tiny.shapes());

    QuantizedLayer quantized =
        Nets.quantized(biased, seen(biased), Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX))
            .layer(biased.nodes().getFirst())
            .orElseThrow();

    int[] integers = quantized.bias().orElseThrow();
    for (int o = 0; o < 2; o++) {
      assertThat(Math.abs(integers[o])).isLessThan(Integer.MAX_VALUE);
      assertThat((double) integers[o] * quantized.biasScales()[o])
          .isCloseTo(o == 0 ? 3000 : -3000, within(0.01));
    }
    assertThat(quantized.weights()).as("only where need be").endsWith((byte) 127, (byte) -127);
  }

  /** Scales that were chosen for weights rounded together do not suit weights rounded alone. */
  @Test
  void roundsOnlyTheOutputAnewWhoseBiasTakesAWiderScale() {
    for (Scheme scheme : List.of(Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING)) {
      Graph net = Nets.sensorNet(1);
      Node conv =
          net.nodes().stream().filter(node -> node.op().isWeighted()).findFirst().orElseThrow();
      QuantizedLayer before = layer(net, conv, scheme);
      Map<String, Constant> constants = new HashMap<>(net.constants());
      constants.compute(conv.inputs().get(2), (name, bias) -> with(bias, 0, 1e7f));
      QuantizedLayer after =
          layer(
              new Graph(
                  net.name(), net.input(), net.outputs(), net.nodes(), constants, net.shapes()),
              conv,
              scheme);

      byte[] weights = after.weights();
      int each = weights.length / after.scales().length;
      assertThat(after.scales()[0]).isGreaterThan(before.scales()[0]);
      assertThat(Arrays.copyOfRange(weights, each, weights.length))
          .isEqualTo(Arrays.copyOfRange(before.weights(), each, weights.length));
    }
  }

  /** Rounded together, both went down; each alone goes up, and the pair leaves 16 bits. */
  @Test
  void keepsPairsFromSaturatingWhereABiasTakesAWiderScale() {
    float[] reals = {0.6476f, 0.6476f, 1, -1};
    RoundedWeights.Layer rounded =
        new RoundedWeights.Layer(new byte[] {64, 64, 100, -100}, new float[] {0.01f, 0.01f});
    for (Scheme scheme : List.of(Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING)) {
      float[] wider = {0.01001f, 0.01f};

      byte[] widened = rounded.widened(reals, wider, scheme);

      assertThat(RoundedWeights.saturates(widened, 2)).isEqualTo(!scheme.saturatingPairs());
      assertThat(widened).endsWith((byte) 100, (byte) -100);
      assertThat(widened[0] * wider[0]).isCloseTo(0.6476f, within(0.006f));
    }
  }

  private static QuantizedLayer layer(Graph net, Node node, Scheme scheme) {
    return Nets.quantized(net, seen(net), scheme, Options.of(Clipping.MIN_MAX))
        .layer(node)
        .orElseThrow();
  }

  /** The mean of what a layer says stays where it was, however coarse its weights are. */
  @Test
  void takesTheShiftOfRoundedWeightsBack() {
    Random random = new Random(2);
    float[] weights = new float[6 * 40];
    for (int i = 0; i < weights.length; i++) {
      // One large weight of each output makes all others few steps.
      weights[i] = i % 40 == 0 ? 30 : (float) random.nextGaussian() * 0.3f;
    }
    Graph dense = Nets.dense(weights, 40);
    float[] values = new float[200 * 40];
    for (int i = 0; i < values.length; i++) {
      values[i] = 1 + (float) random.nextGaussian() * 0.2f;
    }
    Samples items = Samples.of("shifted", NpyArray.ofFloats(values, 200, 40), 40);
    Observations seen = Calibrator.observe(dense, items);
    double[] before = means(dense, OnnxExport.write(dense), items);

    double corrected = shift(dense, seen, items, before, true);

    assertThat(corrected).isLessThan(0.2 * shift(dense, seen, items, before, false));
  }

  private static double shift(
      Graph graph, Observations seen, Samples items, double[] before, boolean corrects) {
    Options options = new Options(Clipping.MIN_MAX, corrects, false, false, Set.of());
    // Rounded to the nearest, without regard of what the layer reads.
    byte[] model = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options));
    double[] after = means(graph, model, items);
    double worst = 0;
    for (int o = 0; o < before.length; o++) {
      worst = Math.max(worst, Math.abs(after[o] - before[o]));
    }
    return worst;
  }

  private static double[] means(Graph graph, byte[] model, Samples items) {
    return Objects.requireNonNull(Calibrator.channelMeans(graph, model, items).get("y"));
  }

  private static NodeProto weights(GraphProto file, String layer) {
    NodeProto node =
        file.getNodeList().stream()
            .filter(one -> one.getName().equals(layer))
            .findFirst()
            .orElseThrow();
    return file.getNodeList().stream()
        .filter(one -> one.getOutputList().contains(node.getInput(1)))
        .findFirst()
        .orElseThrow();
  }

  private static Set<Float> distinct(float[] values) {
    Set<Float> distinct = new HashSet<>();
    for (float value : values) {
      distinct.add(value);
    }
    return distinct;
  }

  private static TensorProto constant(GraphProto file, String name) {
    return file.getInitializerList().stream()
        .filter(one -> one.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** TensorRT's rules: every zero point is 0, and biases are floats. */
  @Test
  void keepsToZeroPointsOfZeroAndFloatBiasesWhereSymmetric() throws Exception {
    Graph excited = Nets.squeezeExciteNet(3);
    List<String> convolutions =
        excited.nodes().stream()
            .filter(node -> node.op() instanceof Op.Conv)
            .map(Node::name)
            .toList();
    assertKeepsToTensorRtsRules(excited, Set.of());
    assertKeepsToTensorRtsRules(excited, Set.of(convolutions.getLast()));
  }

  /** TensorRT's parser refuses a transposed convolution whose bias is of integers. */
  @Test
  void keepsToTheSameRulesInTransposedConvolutions() throws Exception {
    for (boolean biased : List.of(true, false)) {
      Graph enlarging = enlargingNet(biased);

      assertKeepsToTensorRtsRules(enlarging, Set.of());
      assertKeepsToTensorRtsRules(enlarging, Set.of(transposed(enlarging).name()));
    }
  }

  private static void assertKeepsToTensorRtsRules(Graph graph, Set<String> floats)
      throws Exception {
    Options options = Options.of(Clipping.MIN_MAX).with(floats);
    GraphProto file =
        ModelProto.parseFrom(
                QdqExport.write(Nets.quantized(graph, seen(graph), Scheme.SYMMETRIC, options)))
            .getGraph();
    Map<String, TensorProto> constants = new HashMap<>();
    file.getInitializerList().forEach(tensor -> constants.put(tensor.getName(), tensor));
    List<NodeProto> scaling =
        file.getNodeList().stream().filter(QuantizerTest::isQuantize).toList();

    assertThat(scaling).extracting(NodeProto::getOpType).contains("QuantizeLinear");
    for (NodeProto node : scaling) {
      TensorProto zeroPoint = Objects.requireNonNull(constants.get(node.getInput(2)));
      assertThat(zeroPoint.getDataType())
          .as(node.getName())
          .isEqualTo(TensorProto.DataType.INT8_VALUE);
      assertThat(zeroPoint.getRawData().toByteArray()).as(node.getName()).containsOnly(0);
    }
  }

  /** ONNX Runtime makes integers of float layers between integers, unless it does not see them. */
  @Test
  void sparesFloatLayersFromTheRuntimesOwnIntegers() throws Exception {
    Graph unequal = Nets.unequalImageNet(4);
    Node depthwise =
        unequal.nodes().stream().filter(node -> node.op().groups() > 1).findFirst().orElseThrow();
    byte[] model =
        QdqExport.write(
            Nets.quantized(
                unequal,
                seen(unequal),
                Scheme.SYMMETRIC,
                Options.of(Clipping.MIN_MAX).with(Set.of(depthwise.name()))));

    float[] asWritten = run(unequal, model, OptLevel.NO_OPT);
    float[] optimised = run(unequal, model, OptLevel.ALL_OPT);

    for (int i = 0; i < asWritten.length; i++) {
      assertThat(optimised[i]).isCloseTo(asWritten[i], within(0.05f));
    }
  }

  /** The same of a transposed convolution, for which it has no integers of its own. */
  @Test
  void sparesTransposedConvolutionsFromTheRuntimesOwnIntegers() throws Exception {
    for (boolean biased : List.of(true, false)) {
      Graph enlarging = enlargingNet(biased);
      byte[] model =
          QdqExport.write(
              Nets.quantized(
                  enlarging, seen(enlarging), Scheme.SYMMETRIC, Options.of(Clipping.MIN_MAX)));

      float[] asWritten = run(enlarging, model, OptLevel.NO_OPT);
      float[] optimised = run(enlarging, model, OptLevel.ALL_OPT);

      assertThat(Outputs.of(1, optimised).signalToNoise(Outputs.of(1, asWritten)))
          .as("biased: %s", biased)
          .isGreaterThan(40);
    }
  }

  /**
   * A transposed convolution of which one weight is so large that one scale for all loses the rest,
   * though what it weighs is always 0.
   */
  private static Graph enlargingNet(boolean biased) {
    Window window =
        new Window(List.of(2, 2), List.of(2, 2), List.of(1, 1), List.of(0, 0), List.of(0, 0));
    Graph net =
        new Nets(5, "x", Shape.BATCH, 3, 8, 8)
            .conv(4, Activation.RELU, 3, 3)
            .up(4, window)
            .conv(2, Activation.NONE, 1, 1)
            .graph("y");
    Node up = transposed(net);
    Map<String, Constant> constants = new HashMap<>(net.constants());
    constants.compute(up.inputs().get(1), (name, weights) -> with(weights, 0, 100));
    Node first = net.nodes().getFirst();
    constants.compute(first.inputs().get(2), (name, bias) -> with(bias, 0, -100));
    List<Node> nodes = new ArrayList<>(net.nodes());
    if (!biased) {
      nodes.replaceAll(
          node ->
              node.equals(up)
                  ? new Node(
                      up.name(), up.op(), up.inputs().subList(0, 2), up.output(), up.activation())
                  : node);
    }
    return new Graph(net.name(), net.input(), net.outputs(), nodes, constants, net.shapes());
  }

  private static Constant with(@Nullable Constant constant, int index, float value) {
    float[] values = Objects.requireNonNull(constant).values();
    values[index] = value;
    return Constant.of(constant.shape(), values);
  }

  private static Node transposed(Graph graph) {
    return graph.nodes().stream()
        .filter(node -> node.op() instanceof Op.ConvTranspose)
        .findFirst()
        .orElseThrow();
  }

  private static float[] run(Graph graph, byte[] model, OptLevel level) throws OrtException {
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    long[] shape = new long[graph.shape(graph.input()).dimensions().size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = i == 0 ? 16 : graph.shape(graph.input()).dimension(i);
    }
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(level);
      try (OrtSession session = environment.createSession(model, options);
          OnnxTensor input =
              OnnxTensor.createTensor(
                  environment, Nets.randomItems(graph, 16).batch(0, 16).asFloatBuffer(), shape);
          OrtSession.Result result = session.run(Map.of(graph.input(), input))) {
        FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
        float[] copy = new float[values.remaining()];
        values.get(copy);
        return copy;
      }
    }
  }

  private static boolean isQuantize(NodeProto node) {
    return node.getOpType().equals("QuantizeLinear") || node.getOpType().equals("DequantizeLinear");
  }

  private static Observations seen(Graph graph) {
    return Calibrator.observe(graph, Nets.randomItems(graph, 16));
  }
}
