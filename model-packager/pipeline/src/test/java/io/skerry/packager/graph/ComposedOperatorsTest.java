package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.FusionCheck;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Operators that become several of ours, or of several: the model read says what its file says. */
class ComposedOperatorsTest {
  private static final Shape INPUT = Shape.of(Shape.BATCH, 6, 4, 5);

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void partsOfASplitAreSlices() throws Exception {
    NodeProto.Builder split = operator("Split", "a", "x").addOutput("b");
    List<NodeProto> rest =
        List.of(
            operator("Relu", "c", "a").build(),
            operator("Concat", "y", "b", "c").addAttribute(OnnxParts.integer("axis", 1)).build());

    NodeProto named =
        split
            .clone()
            .addAttribute(OnnxParts.integer("axis", 1))
            .addAttribute(OnnxParts.integers("split", List.of(2, 4)))
            .build();
    NodeProto given =
        split.clone().addInput("sizes").addAttribute(OnnxParts.integer("axis", -3)).build();
    NodeProto counted =
        split
            .clone()
            .addAttribute(OnnxParts.integer("axis", 1))
            .addAttribute(OnnxParts.integer("num_outputs", 2))
            .build();
    NodeProto even = split.clone().addAttribute(OnnxParts.integer("axis", 1)).build();

    assertSame(11, followed(named, rest));
    assertSame(13, followed(given, rest), TestTensors.integers("sizes", 1, 5));
    assertSame(18, followed(counted, rest));
    assertSame(13, followed(even, rest));
  }

  @Test
  void partsThatNobodyReadsAreNotMade() throws Exception {
    NodeProto split =
        operator("Split", "a", "x")
            .addOutput("b")
            .addOutput("c")
            .addAttribute(OnnxParts.integer("axis", 1))
            .build();

    Graph graph = assertSame(13, List.of(split, operator("Relu", "y", "b").build()));

    assertThat(graph.nodes()).hasSize(2);
  }

  @Test
  void splitsThatDoNotFitAreRefused() {
    NodeProto.Builder split = operator("Split", "y", "x").addOutput("b").setName("halves");

    assertRefused(
        model(
            11,
            List.of(
                split
                    .clone()
                    .addAttribute(OnnxParts.integer("axis", 1))
                    .addAttribute(OnnxParts.integers("split", List.of(2, 3)))
                    .build())),
        "node 'halves' (Split)",
        "parts of sizes [2, 3] do not make 6 in 2 outputs");
    assertRefused(
        model(13, List.of(split.build())), "node 'halves' (Split)", "axis 0", "after the batch");
  }

  @Test
  void slopesMayDifferByChannel() throws Exception {
    NodeProto relu = operator("PRelu", "y", "x", "slopes").build();

    Graph graph =
        assertSame(
            16,
            List.of(relu),
            TestTensors.reals("slopes", new int[] {6, 1, 1}, .1f, -.2f, .3f, 0, .5f, 1));
    Graph leaky = assertSame(16, List.of(relu), TestTensors.reals("slopes", new int[] {1}, 0.25f));

    assertThat(kinds(graph)).containsExactly(new Op.ParametricRelu());
    assertThat(kinds(leaky)).containsExactly(new Op.Function(Op.Function.Kind.LEAKY_RELU, 0.25f));
    assertDelegated(graph);
  }

  @Test
  void gelusAreRecognisedWhateverTheirSteps() throws Exception {
    TensorProto half = TestTensors.reals("half", new int[0], 0.5f);
    TensorProto one = TestTensors.reals("one", new int[] {1}, 1);
    TensorProto root = TestTensors.reals("root", new int[0], 1.4142135f);
    TensorProto factor = TestTensors.reals("factor", new int[0], 0.70710677f);
    List<NodeProto> exporters =
        List.of(
            operator("Div", "d", "x", "root").build(),
            operator("Erf", "e", "d").build(),
            operator("Add", "a", "e", "one").build(),
            operator("Mul", "m", "x", "a").build(),
            operator("Mul", "y", "m", "half").build());
    List<NodeProto> other =
        List.of(
            operator("Mul", "h", "half", "x").build(),
            operator("Mul", "d", "x", "factor").build(),
            operator("Erf", "e", "d").build(),
            operator("Add", "a", "one", "e").build(),
            operator("Mul", "y", "h", "a").build());

    for (List<NodeProto> steps : List.of(exporters, other)) {
      Graph graph = assertSame(13, steps, half, one, root, factor);
      assertThat(kinds(graph)).containsExactly(new Op.Function(Op.Function.Kind.GELU, 0));
      assertDelegated(graph);
    }
  }

  @Test
  void gelusByTanhAreRecognised() throws Exception {
    TensorProto[] constants = {
      TestTensors.reals("half", new int[0], 0.5f),
      TestTensors.reals("one", new int[0], 1),
      TestTensors.reals("three", new int[0], 3),
      TestTensors.reals("cubic", new int[0], 0.044715f),
      TestTensors.reals("slope", new int[0], 0.7978846f)
    };
    List<NodeProto> end =
        List.of(
            operator("Mul", "q", "cubic", "p").build(),
            operator("Add", "r", "x", "q").build(),
            operator("Mul", "s", "r", "slope").build(),
            operator("Tanh", "t", "s").build(),
            operator("Add", "u", "t", "one").build(),
            operator("Mul", "h", "x", "half").build(),
            operator("Mul", "y", "h", "u").build());
    List<NodeProto> powers = new ArrayList<>(List.of(operator("Pow", "p", "x", "three").build()));
    List<NodeProto> products =
        new ArrayList<>(
            List.of(
                operator("Mul", "o", "x", "x").build(), operator("Mul", "p", "x", "o").build()));

    for (List<NodeProto> steps : List.of(powers, products)) {
      steps.addAll(end);
      Graph graph = assertSame(13, steps, constants);
      assertThat(kinds(graph)).containsExactly(new Op.Function(Op.Function.Kind.GELU_TANH, 0));
      assertDelegated(graph);
    }
  }

  /** The runtime reads this operator from operator set 20 on. */
  @Test
  void gelusOfTheFormatAreRead() throws Exception {
    NodeProto.Builder gelu = operator("Gelu", "y", "x");

    assertSame(20, List.of(gelu.build()));
    assertSame(20, List.of(gelu.addAttribute(OnnxParts.text("approximate", "tanh")).build()));
  }

  @Test
  void whatIsNearlyAGeluStaysWhatItIs() throws Exception {
    List<NodeProto> steps =
        List.of(
            operator("Div", "d", "x", "root").build(),
            operator("Erf", "e", "d").build(),
            operator("Add", "a", "e", "one").build(),
            operator("Mul", "y", "x", "a").build());

    Graph graph =
        assertSame(
            13,
            steps,
            TestTensors.reals("one", new int[0], 1),
            TestTensors.reals("root", new int[0], 1.5f));

    assertThat(kinds(graph)).contains(new Op.Function(Op.Function.Kind.ERF, 0));
    assertThatThrownBy(() -> TfliteExport.write(graph))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("node 'e_node' has no TFLite form", "ONNX Runtime candidate");
  }

  @Test
  void layerNormalisationsOfTheFormatAreRead() throws Exception {
    for (int axis : new int[] {1, 2, 3, -1}) {
      int size = axis == 1 ? 120 : axis == 2 ? 20 : 5;
      int[] shape = axis == 1 ? new int[] {6, 4, 5} : axis == 2 ? new int[] {4, 5} : new int[] {5};
      NodeProto.Builder node =
          operator("LayerNormalization", "y", "x", "factors", "shifts")
              .addAttribute(OnnxParts.integer("axis", axis))
              .addAttribute(OnnxParts.real("epsilon", 1e-3f));

      Graph graph =
          assertSame(17, List.of(node.build()), reals("factors", shape), reals("shifts", shape));
      node.removeAttribute(1).clearInput().addInput("x").addInput("factors");
      assertSame(17, List.of(node.build()), reals("factors", shape));

      assertThat(kinds(graph))
          .hasSize(size == 5 ? 1 : 3)
          .contains(new Op.LayerNormalization(1e-3f));
      assertDelegated(graph);
    }
  }

  @Test
  void layerNormalisationsAreRecognisedByTheirSteps() throws Exception {
    for (boolean power : new boolean[] {true, false}) {
      List<NodeProto> steps =
          List.of(
              mean("m", "x"),
              operator("Sub", "d", "x", "m").build(),
              power
                  ? operator("Pow", "s", "d", "two").build()
                  : operator("Mul", "s", "d", "d").build(),
              mean("v", "s"),
              operator("Add", "a", "v", "epsilon").build(),
              operator("Sqrt", "r", "a").build(),
              operator("Div", "n", "d", "r").build(),
              operator("Mul", "f", "n", "factors").build(),
              operator("Add", "y", "f", "shifts").build());

      Graph graph =
          assertSame(
              13,
              steps,
              TestTensors.reals("two", new int[0], 2),
              TestTensors.reals("epsilon", new int[0], 1e-4f),
              reals("factors", 5),
              reals("shifts", 5));

      assertThat(kinds(graph)).containsExactly(new Op.LayerNormalization(1e-4f));
    }
  }

  @Test
  void meansOverAnyDimensionsAreRead() throws Exception {
    for (List<Integer> axes : List.of(List.of(1), List.of(-1), List.of(1, 3), List.of(2, 3))) {
      for (int kept = 0; kept < 2; kept++) {
        Graph graph =
            assertSame(
                13,
                List.of(
                    operator("Relu", "z", "x").build(),
                    operator("ReduceMean", "y", "z")
                        .addAttribute(OnnxParts.integers("axes", axes))
                        .addAttribute(OnnxParts.integer("keepdims", kept))
                        .build()));
        assertTfliteSays(graph);
      }
    }
  }

  /** The block of a ConvNeXt: all between its transposes is done where channels come first. */
  @Test
  void denseLayersAtEachPlaceNeedNoTurnsBetweenThem() throws Exception {
    Graph graph = assertSame(17, block(), blockConstants());

    assertThat(kinds(graph).stream().map(op -> op.getClass().getSimpleName()))
        .containsExactly(
            "Transpose", "LayerNormalization", "Transpose", "Conv", "Function", "Conv", "Binary");
    assertDelegated(graph);
  }

  @Test
  void denseLayersAlongASequenceAreConvolutions() throws Exception {
    Graph graph =
        assertSame(
            13,
            List.of(
                operator("Reshape", "r", "x", "sequence").build(),
                operator("MatMul", "w", "r", "first").build(),
                operator("Add", "b", "w", "bias").build(),
                operator("Relu", "q", "b").build(),
                operator("MatMul", "y", "q", "second").build()),
            TestTensors.integers("sequence", 0, 24, 5),
            reals("first", 5, 7),
            reals("bias", 7),
            reals("second", 7, 3));

    assertThat(graph.nodes().stream().filter(node -> node.op() instanceof Op.Transpose)).hasSize(2);
    assertThat(graph.nodes().stream().filter(node -> node.op() instanceof Op.Binary)).isEmpty();
    assertDelegated(graph);
  }

  /** Integers bring nothing to these, and are brought nothing by them. */
  @Test
  void whatIsBestAsFloatsStandsBetweenIntegerLayers() throws Exception {
    Graph graph = OnnxImport.read(model(17, block(), blockConstants()));
    Samples items = Nets.randomItems(graph, 16);
    Outputs said = outputs(OnnxExport.write(graph), items);
    Observations seen = Calibrator.observe(graph, items);

    QuantizedGraph unsigned =
        Nets.quantized(graph, seen, Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX));
    byte[] onnx = QdqExport.write(unsigned);
    byte[] tflite =
        TfliteExport.write(
            Nets.quantized(graph, seen, Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));

    assertThat(graph.nodes().stream().filter(unsigned::isQuantized).map(Node::op))
        .hasOnlyElementsOfTypes(Op.Conv.class, Op.Binary.class, Op.Transpose.class)
        .hasAtLeastOneElementOfType(Op.Conv.class);
    assertThat(FusionCheck.unfused(onnx)).isEmpty();
    assertThat(outputs(onnx, items).signalToNoise(said)).isGreaterThan(25);
    Path file = Files.write(folder.resolve("model.tflite"), tflite);
    assertThat(Delegation.undelegated(file)).isEmpty();
    try (LoadedModel model = bench.load(Engine.TFLITE, file)) {
      assertThat(bench.outputs(model, items, "y").signalToNoise(said)).isGreaterThan(25);
    }
  }

  /** A ConvNeXt's. */
  private static List<NodeProto> block() {
    return List.of(
        turn("t", "x", 0, 2, 3, 1),
        operator("LayerNormalization", "n", "t", "factors", "shifts").build(),
        operator("MatMul", "w", "n", "first").build(),
        operator("Add", "b", "w", "bias").build(),
        operator("Div", "d", "b", "root").build(),
        operator("Erf", "e", "d").build(),
        operator("Add", "a", "e", "one").build(),
        operator("Mul", "m", "b", "a").build(),
        operator("Mul", "g", "m", "half").build(),
        operator("MatMul", "v", "g", "second").build(),
        operator("Add", "c", "v", "more").build(),
        operator("Mul", "s", "factors", "c").build(),
        turn("u", "s", 0, 3, 1, 2),
        operator("Add", "y", "x", "u").build());
  }

  private static TensorProto[] blockConstants() {
    return new TensorProto[] {
      reals("factors", 6),
      reals("shifts", 6),
      reals("first", 6, 12),
      reals("bias", 12),
      TestTensors.reals("root", new int[0], 1.4142135f),
      TestTensors.reals("one", new int[0], 1),
      TestTensors.reals("half", new int[0], 0.5f),
      reals("second", 12, 6),
      reals("more", 6)
    };
  }

  /** As a vision transformer's block begins and ends: queries, keys and values of one product. */
  @Test
  void attentionsAreRead() throws Exception {
    List<NodeProto> nodes = new ArrayList<>();
    nodes.add(operator("Reshape", "r", "x", "sequence").build());
    nodes.add(
        operator("Concat", "c", "token", "r").addAttribute(OnnxParts.integer("axis", 1)).build());
    nodes.add(operator("MatMul", "w", "c", "first").build());
    nodes.add(operator("Add", "b", "w", "bias").build());
    nodes.add(operator("Reshape", "h", "b", "heads").build());
    nodes.add(turn("t", "h", 2, 0, 3, 1, 4));
    for (String part : List.of("q", "k", "v")) {
      nodes.add(
          operator("Gather", part, "t", "index_" + part)
              .addAttribute(OnnxParts.integer("axis", 0))
              .build());
    }
    nodes.add(turn("u", "k", 0, 1, 3, 2));
    nodes.add(operator("MatMul", "m", "q", "u").build());
    nodes.add(operator("Div", "s", "m", "root").build());
    nodes.add(operator("Softmax", "p", "s").addAttribute(OnnxParts.integer("axis", -1)).build());
    nodes.add(operator("MatMul", "a", "p", "v").build());
    nodes.add(turn("o", "a", 0, 2, 1, 3));
    nodes.add(operator("Reshape", "f", "o", "flat").build());
    nodes.add(operator("MatMul", "z", "f", "second").build());
    nodes.add(operator("Add", "e", "z", "c").build());
    nodes.add(
        operator("Gather", "y", "e", "index_q").addAttribute(OnnxParts.integer("axis", 1)).build());
    TensorProto[] constants = {
      TestTensors.integers("sequence", 0, 12, 10),
      TestTensors.integers("heads", 0, 13, 3, 2, 4),
      TestTensors.integers("flat", 0, 13, 8),
      index("index_q", 0),
      index("index_k", 1),
      index("index_v", -1),
      TestTensors.reals("root", new int[0], 2),
      reals("token", 1, 1, 10),
      reals("first", 10, 24),
      reals("bias", 24),
      reals("second", 8, 10)
    };

    Graph graph = assertSame(13, nodes, constants);

    assertThat(graph.nodes().stream().filter(node -> node.op() instanceof Op.MatMul)).hasSize(2);
    assertDelegated(graph);
    Samples items = Nets.randomItems(graph, 16);
    Outputs said = outputs(OnnxExport.write(graph), items);
    Observations seen = Calibrator.observe(graph, items);
    QuantizedGraph integers =
        Nets.quantized(graph, seen, Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX));
    assertThat(outputs(QdqExport.write(integers), items).signalToNoise(said)).isGreaterThan(20);
  }

  @Test
  void constantsStandBesideOneComputedTensor() throws Exception {
    for (int axis : new int[] {1, 2, -1}) {
      int[] left = {1, 6, 4, 5};
      int[] right = left.clone();
      left[axis < 0 ? 3 : axis] = 2;
      right[axis < 0 ? 3 : axis] = 3;
      assertTfliteSays(
          assertSame(
              13,
              List.of(
                  operator("Relu", "r", "x").build(),
                  operator("Concat", "y", "left", "r", "right")
                      .addAttribute(OnnxParts.integer("axis", axis))
                      .build()),
              reals("left", left),
              reals("right", right)));
    }
  }

  @Test
  void whatMovesTheBatchIsRefusedWhereItIsRead() {
    assertRefused(
        model(13, List.of(turn("t", "x", 1, 0, 2, 3), operator("Relu", "y", "t").build())),
        "node 'y_node' (Relu)",
        "'t' is transposed by perm [1, 0, 2, 3]",
        "moves the batch");
    assertRefused(
        model(13, List.of(turn("y", "x", 1, 0, 2, 3))),
        "node 'y_node' (Transpose): perm [1, 0, 2, 3] moves the batch");
    assertRefused(
        model(
            13,
            List.of(operator("Gather", "y", "x", "two").build()),
            TestTensors.integers("two", 0, 1)),
        "node 'y_node' (Gather)",
        "2 indices");
  }

  /** One index in two dimensions adds one to what it takes. */
  @Test
  void oneIndexInSeveralDimensionsIsRefused() {
    TensorProto index =
        TestTensors.integers("one", 0).toBuilder().clearDims().addDims(1).addDims(1).build();
    assertRefused(
        model(
            13,
            List.of(
                operator("Gather", "y", "x", "one")
                    .addAttribute(OnnxParts.integer("axis", 1))
                    .build()),
            index),
        "node 'y_node' (Gather)",
        "indices of shape [1,1] are not supported");
  }

  /** ONNX Runtime refuses to run where such means, all about 0, are told in steps as fine. */
  @Test
  void meansOfWhatIsNormalisedCanBeIntegers() throws Exception {
    byte[] model =
        model(
            17,
            List.of(
                operator("Reshape", "r", "x", "rows").build(),
                operator("Conv", "c", "r", "kernel").build(),
                operator("LayerNormalization", "n", "c", "ones").build(),
                operator("GlobalAveragePool", "g", "n").build(),
                operator("Flatten", "f", "g").build(),
                operator("Gemm", "y", "f", "weights", "bias").build()),
            TestTensors.integers("rows", 0, 6, 20),
            reals("kernel", 6, 6, 1),
            TestTensors.reals("ones", new int[] {20}, ones(20)),
            reals("weights", 6, 3),
            reals("bias", 3));
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 16);
    Observations seen = Calibrator.observe(graph, items);

    QuantizedGraph integers =
        Nets.quantized(graph, seen, Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX));

    assertThat(graph.nodes().stream().filter(integers::isQuantized).map(Node::op))
        .hasAtLeastOneElementOfType(Op.GlobalAveragePool.class);
    assertThat(outputs(QdqExport.write(integers), items).signalToNoise(outputs(model, items)))
        .isGreaterThan(25);
  }

  private static float[] ones(int count) {
    float[] ones = new float[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  private static TensorProto index(String name, long index) {
    return TestTensors.integers(name, index).toBuilder().clearDims().build();
  }

  private static List<Op> kinds(Graph graph) {
    return graph.nodes().stream().map(Node::op).toList();
  }

  private static NodeProto mean(String output, String input) {
    return operator("ReduceMean", output, input)
        .addAttribute(OnnxParts.integers("axes", List.of(-1)))
        .build();
  }

  private static NodeProto turn(String output, String input, int... order) {
    return operator("Transpose", output, input)
        .addAttribute(OnnxParts.integers("perm", IntStream.of(order).boxed().toList()))
        .build();
  }

  private static TensorProto reals(String name, int... shape) {
    Random random = new Random(name.hashCode());
    float[] values = new float[Shape.of(shape).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return TestTensors.reals(name, shape, values);
  }

  private void assertDelegated(Graph graph) throws Exception {
    assertThat(Delegation.undelegated(assertTfliteSays(graph))).isEmpty();
  }

  /** The TFLite form says the same, and so does what is read of it. */
  private Path assertTfliteSays(Graph graph) throws Exception {
    Samples items = Nets.randomItems(graph, 6);
    Outputs ours = outputs(OnnxExport.write(graph), items);
    byte[] tflite = TfliteExport.write(graph);
    Path file = Files.write(folder.resolve("model.tflite"), tflite);
    try (LoadedModel model = bench.load(Engine.TFLITE, file)) {
      assertThat(bench.outputs(model, items, "y").largestDifference(ours))
          .isLessThan(1e-4 * Math.max(1, ours.largestMagnitude()));
    }
    Outputs again = outputs(OnnxExport.write(TfliteImport.read(tflite)), items);
    assertThat(again.largestDifference(ours))
        .isLessThan(1e-4 * Math.max(1, ours.largestMagnitude()));
    return file;
  }

  private static List<NodeProto> followed(NodeProto first, List<NodeProto> rest) {
    return IntStream.rangeClosed(0, rest.size())
        .mapToObj(i -> i == 0 ? first : rest.get(i - 1))
        .toList();
  }

  private static NodeProto.Builder operator(String type, String output, String... inputs) {
    return NodeProto.newBuilder()
        .setOpType(type)
        .setName(output + "_node")
        .addAllInput(List.of(inputs))
        .addOutput(output);
  }

  private static byte[] model(int operatorSet, List<NodeProto> nodes, TensorProto... constants) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(operatorSet))
        .setGraph(
            GraphProto.newBuilder()
                .setName("net")
                .addInput(OnnxParts.value("x", INPUT))
                .addAllNode(nodes)
                .addAllInitializer(List.of(constants))
                .addOutput(ValueInfoProto.newBuilder().setName("y")))
        .build()
        .toByteArray();
  }

  /** Reads the model and runs it as it came and as we write it. */
  private Graph assertSame(int operatorSet, List<NodeProto> nodes, TensorProto... constants)
      throws Exception {
    byte[] original = model(operatorSet, nodes, constants);
    Graph graph = OnnxImport.read(original);
    Samples items = Nets.randomItems(graph, 6);

    Outputs ours = outputs(OnnxExport.write(graph), items);

    Outputs theirs = outputs(original, items);
    assertThat(ours.largestDifference(theirs))
        .isLessThan(1e-5 * Math.max(1, theirs.largestMagnitude()));
    return graph;
  }

  private static void assertRefused(byte[] model, String... parts) {
    assertThatThrownBy(() -> OnnxImport.read(model))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(parts);
  }

  private Outputs outputs(byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), content);
    try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
