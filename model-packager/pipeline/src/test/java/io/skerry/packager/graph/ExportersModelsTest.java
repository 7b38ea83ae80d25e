package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What exporters write around the operators: the model read says what its file says. */
class ExportersModelsTest {
  private static final Shape INPUT = Shape.of(Shape.BATCH, 2, 6, 5);

  private final Random random = new Random(3);
  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void operandsOfNoElementsAreLeftOut() throws Exception {
    TensorProto nothing = TestTensors.reals("nothing", new int[] {0});
    NodeProto scaled = resize(operator("Resize", "y", "x", "nothing", "scales"));
    NodeProto sized = resize(operator("Resize", "y", "x", "nothing", "nothing", "sizes"));

    assertSame(
        11, List.of(scaled), nothing, TestTensors.reals("scales", new int[] {4}, 1, 1, 2, 2));
    assertSame(12, List.of(sized), nothing, TestTensors.integers("sizes", 1, 2, 12, 10));
  }

  private static NodeProto resize(NodeProto.Builder node) {
    return node.addAttribute(OnnxParts.text("mode", "linear"))
        .addAttribute(OnnxParts.text("coordinate_transformation_mode", "half_pixel"))
        .build();
  }

  @Test
  void outputsThatNobodyReadsDoNotCount() throws Exception {
    for (int operatorSet : new int[] {7, 13}) {
      assertSame(
          operatorSet,
          List.of(operator("Dropout", "d", "x").addOutput("mask").build(), relu("y", "d")));
    }
    assertRefused(
        model(
            13,
            List.of(
                operator("MaxPool", "p", "x")
                    .addOutput("places")
                    .addAttribute(OnnxParts.integers("kernel_shape", List.of(2, 2)))
                    .setName("pool")
                    .build(),
                operator("Add", "y", "p", "places").build())),
        "node 'pool' (MaxPool)",
        "'places'",
        "first output");
  }

  @Test
  void whatNobodyReadsIsNotLookedAt() throws Exception {
    TensorProto bytes =
        TensorProto.newBuilder()
            .setName("bytes")
            .setDataType(TensorProto.DataType.INT8_VALUE)
            .addDims(2)
            .addInt32Data(1)
            .addInt32Data(2)
            .build();
    TensorProto flag =
        TensorProto.newBuilder()
            .setName("flag")
            .setDataType(TensorProto.DataType.BOOL_VALUE)
            .addInt32Data(1)
            .build();

    assertSame(
        13,
        List.of(operator("Erf", "dead", "x").build(), relu("deader", "dead"), relu("y", "x")),
        bytes,
        flag,
        TestTensors.reals("nan", new int[] {1}, Float.NaN),
        TestTensors.reals("none", new int[] {0, 4}));
  }

  /** In training it takes the mean of whatever batch it sees. */
  @Test
  void normalisationsThatStillTrainAreRefused() throws Exception {
    NodeProto node =
        operator("BatchNormalization", "y", "x", "scale", "shift", "mean", "variance").build();
    NodeProto old = node.toBuilder().addAllOutput(List.of("m", "v", "sm", "sv")).build();
    NodeProto young = node.toBuilder().addAttribute(OnnxParts.integer("training_mode", 1)).build();
    TensorProto[] constants = {
      perChannel("scale"), perChannel("shift"), perChannel("mean"), perChannel("variance")
    };

    assertSame(9, List.of(node), constants);
    assertSame(15, List.of(node), constants);
    assertRefused(model(9, List.of(old), constants), "(BatchNormalization)", "evaluation mode");
    assertRefused(model(15, List.of(young), constants), "(BatchNormalization)", "evaluation mode");
  }

  @Test
  void normalisationsOfOtherSizesAreRefused() throws Exception {
    NodeProto node =
        operator("BatchNormalization", "y", "x", "scale", "shift", "mean", "variance").build();

    assertRefused(
        model(
            15,
            List.of(node),
            perChannel("scale"),
            perChannel("shift"),
            TestTensors.reals("mean", new int[] {1}, 0),
            perChannel("variance")),
        "node 'y' (BatchNormalization)",
        "'mean' of shape [1]",
        "2 channels");
  }

  /** What PyTorch writes for F.pad and ZeroPad2d. */
  @Test
  void paddingComputedOfConstantsIsFollowed() throws Exception {
    NodeProto zeros =
        operator("ConstantOfShape", "zeros", "count")
            .addAttribute(tensor("value", TestTensors.integers("", 0)))
            .build();
    NodeProto joined =
        operator("Concat", "joined", "around", "zeros")
            .addAttribute(OnnxParts.integer("axis", 0))
            .build();
    List<NodeProto> nodes =
        List.of(
            zeros,
            joined,
            operator("Reshape", "pairs", "joined", "two").build(),
            operator("Slice", "reversed", "pairs", "last", "before", "axis", "back").build(),
            operator("Transpose", "turned", "reversed")
                .addAttribute(OnnxParts.integers("perm", List.of(1, 0)))
                .build(),
            operator("Reshape", "flat", "turned", "all").build(),
            operator("Cast", "pads", "flat")
                .addAttribute(OnnxParts.integer("to", TensorProto.DataType.INT64_VALUE))
                .build(),
            operator("Pad", "y", "x", "pads", "").build());
    TensorProto[] constants = {
      TestTensors.integers("two", -1, 2),
      TestTensors.integers("last", -1),
      TestTensors.integers("before", Long.MIN_VALUE + 1),
      TestTensors.integers("axis", 0),
      TestTensors.integers("back", -1),
      TestTensors.integers("all", -1)
    };

    Graph graph =
        assertSame(
            13,
            nodes,
            with(
                constants,
                TestTensors.integers("around", 1, 2, 0, 3),
                TestTensors.integers("count", 4)));
    assertThat(graph.shape("y")).isEqualTo(Shape.of(Shape.BATCH, 2, 9, 8));
    // All of them named: none is left for the zeros.
    assertSame(
        13,
        nodes,
        with(
            constants,
            TestTensors.integers("around", 1, 2, 0, 3, 0, 0, 0, 0),
            TestTensors.integers("count", 0)));
  }

  @Test
  void whatIsMadeOfConstantsIsComputedByTheEngine() throws Exception {
    NodeProto scaled = operator("Mul", "y", "x", "c").build();
    TensorProto weights = TestTensors.reals("w", new int[] {2, 3, 5}, random(30));
    TensorProto shape = TestTensors.integers("shape", 2, 6, 5);
    for (NodeProto.Builder made :
        List.of(
            operator("Tile", "c", "w", "repeats"),
            operator("ReduceL2", "c", "w").addAttribute(OnnxParts.integers("axes", List.of(1, 2))),
            operator("Expand", "c", "row", "shape"),
            operator("Range", "c", "zero", "five", "one"),
            operator("Erf", "c", "row"),
            operator("Softmax", "c", "row"),
            operator("Split", "left", "w", "parts")
                .addOutput("c")
                .addAttribute(OnnxParts.integer("axis", 1)))) {
      Graph graph =
          assertSame(
              17,
              List.of(made.build(), scaled),
              weights,
              shape,
              TestTensors.reals("row", new int[] {5}, random(5)),
              TestTensors.integers("repeats", 1, 2, 1),
              TestTensors.integers("parts", 2, 1),
              TestTensors.reals("zero", new int[0], 0),
              TestTensors.reals("one", new int[0], 1),
              TestTensors.reals("five", new int[0], 5));
      assertThat(graph.nodes()).as(made.getOpType()).hasSize(1);
    }
    assertSame(
        17,
        List.of(
            operator("ConstantOfShape", "minus", "rank")
                .addAttribute(tensor("value", TestTensors.integers("", -1)))
                .build(),
            operator("Equal", "open", "shape", "minus").build(),
            operator("Where", "sizes", "open", "ones", "shape").build(),
            operator("Expand", "c", "row", "sizes").build(),
            scaled),
        TestTensors.integers("shape", -1, 6, 5),
        TestTensors.integers("rank", 3),
        TestTensors.integers("ones", 1, 1, 1),
        TestTensors.reals("row", new int[] {5}, random(5)));
  }

  @Test
  void constantsThatTakeTooMuchAreNotComputed() throws Exception {
    NodeProto scaled = operator("Mul", "y", "x", "c").build();

    assertRefused(
        model(
            17,
            List.of(operator("Expand", "c", "row", "shape").setName("wide").build(), scaled),
            TestTensors.reals("row", new int[] {1}, 1),
            TestTensors.integers("shape", 1 << 14, 1 << 14, 1 << 14)),
        "node 'wide' (Expand)",
        "elements");
    assertRefused(
        model(
            17,
            List.of(operator("NonZero", "c", "row").build(), scaled),
            TestTensors.reals("row", new int[] {1}, 1)),
        "(NonZero)",
        "constants folded");
    List<NodeProto> many = new ArrayList<>();
    for (int i = 0; i <= EngineFolding.NODES_MAX; i++) {
      many.add(operator("Erf", "c" + (i + 1), "c" + i).build());
    }
    many.add(operator("Mul", "y", "x", "c" + many.size()).build());
    assertRefused(
        model(17, many, TestTensors.reals("c0", new int[] {1}, 1)), "(Erf)", "constants folded");
  }

  @Test
  void infiniteBoundsAreNone() throws Exception {
    float infinity = Float.POSITIVE_INFINITY;
    TensorProto zero = TestTensors.reals("zero", new int[0], 0);
    TensorProto most = TestTensors.reals("most", new int[0], infinity);
    TensorProto least = TestTensors.reals("least", new int[0], -infinity);
    TensorProto half = TestTensors.reals("half", new int[0], 0.5f);

    Graph relu =
        assertSame(13, List.of(operator("Clip", "y", "x", "zero", "most").build()), zero, most);
    assertThat(relu.nodes().getFirst().op()).isEqualTo(new Op.Activate(Activation.RELU));
    Graph upper =
        assertSame(13, List.of(operator("Clip", "y", "x", "least", "half").build()), least, half);
    assertThat(upper.nodes().getFirst().op()).isEqualTo(new Op.Clip(-Op.Clip.UNBOUNDED, 0.5f));
  }

  /** What PyTorch users write to pad a pool by hand. */
  @Test
  void aPoolTakesTheInfinitePaddingBeforeIt() throws Exception {
    TensorProto least = TestTensors.reals("least", new int[0], Float.NEGATIVE_INFINITY);
    NodeProto pad = operator("Pad", "p", "x", "pads", "least").setName("pad").build();
    TensorProto pads = TestTensors.integers("pads", 0, 0, 0, 1, 0, 0, 1, 1);
    NodeProto pool =
        operator("MaxPool", "y", "p")
            .addAttribute(OnnxParts.integers("kernel_shape", List.of(3, 3)))
            .addAttribute(OnnxParts.integers("strides", List.of(2, 2)))
            .build();

    Graph graph = assertSame(13, List.of(pad, pool), pads, least);

    assertThat(graph.nodes()).hasSize(1);
    assertRefused(
        model(13, List.of(pad, relu("y", "p")), pads, least),
        "node 'pad' (Pad)",
        "-Infinity",
        "MaxPool");
  }

  @Test
  void upsamplesAreResizes() throws Exception {
    TensorProto scales = TestTensors.reals("scales", new int[] {4}, 1, 1, 2, 3);
    for (String mode : List.of("nearest", "linear")) {
      assertSame(
          9,
          List.of(
              operator("Upsample", "y", "x", "scales")
                  .addAttribute(OnnxParts.text("mode", mode))
                  .build()),
          scales);
      assertSame(
          7,
          List.of(
              operator("Upsample", "y", "x")
                  .addAttribute(OnnxParts.text("mode", mode))
                  .addAttribute(
                      AttributeProto.newBuilder()
                          .setName("scales")
                          .setType(AttributeProto.AttributeType.FLOATS)
                          .addAllFloats(List.of(1f, 1f, 2f, 2.5f)))
                  .build()));
    }
  }

  @Test
  void oldResizesToSmallerMapsTakeTheNextPlace() throws Exception {
    for (float rows : new float[] {0.5f, 0.4f}) {
      assertSame(
          10,
          List.of(operator("Resize", "y", "x", "scales").build()),
          TestTensors.reals("scales", new int[] {4}, 1, 1, rows, 0.6f));
    }
    assertRefused(
        model(
            10,
            List.of(operator("Resize", "y", "x", "scales").build()),
            TestTensors.reals("scales", new int[] {4}, 1, 1, 0.5f, 2)),
        "(Resize)",
        "operator set");
  }

  @Test
  void namesOfOursAreNoOnesElse() throws Exception {
    TensorProto[] constants = {
      TestTensors.reals("w", new int[] {3, 2, 1, 1}, random(6)),
      TestTensors.reals("y_folded_weights", new int[] {5}, random(5)),
      TestTensors.reals("factors", new int[] {3, 1, 1}, random(3))
    };
    assertSame(
        13,
        List.of(
            operator("Add", "y_folded_bias", "x", "y_folded_weights").build(),
            operator("Conv", "c", "y_folded_bias", "w").build(),
            operator("Mul", "y", "c", "factors").build()),
        constants);
    assertSame(
        13,
        List.of(
            operator("BatchNormalization", "b", "x", "scale", "shift", "mean", "variance").build(),
            relu("b_scale", "x"),
            relu("b_scaled", "b_scale"),
            operator("Add", "y", "b", "b_scaled").build()),
        perChannel("scale"),
        perChannel("shift"),
        perChannel("mean"),
        perChannel("variance"));
    assertSame(
        13,
        List.of(
            operator("ReduceMean", "m", "x")
                .addAttribute(OnnxParts.integers("axes", List.of(2, 3)))
                .addAttribute(OnnxParts.integer("keepdims", 0))
                .setName("mean")
                .build(),
            operator("Sigmoid", "m_pooled", "m").setName("mean_flat").build(),
            operator("Add", "y", "m", "m_pooled").build()));
  }

  private static TensorProto[] with(TensorProto[] constants, TensorProto... more) {
    return Stream.concat(Arrays.stream(constants), Arrays.stream(more)).toArray(TensorProto[]::new);
  }

  private static AttributeProto tensor(String name, TensorProto tensor) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.TENSOR)
        .setT(tensor)
        .build();
  }

  private float[] random(int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  /** What SqueezeNet and GoogLeNet have. */
  @Test
  void poolsThatRoundUpSeeTheLastPartialWindow() throws Exception {
    for (int stride : new int[] {1, 2, 3}) {
      for (List<Integer> pads : List.of(List.of(0, 0, 0, 0), List.of(1, 0, 1, 0))) {
        for (String type : List.of("MaxPool", "AveragePool")) {
          NodeProto pool =
              operator(type, "y", "x")
                  .addAttribute(OnnxParts.integers("kernel_shape", List.of(3, 2)))
                  .addAttribute(OnnxParts.integers("strides", List.of(stride, stride)))
                  .addAttribute(OnnxParts.integers("pads", pads))
                  .addAttribute(OnnxParts.integer("ceil_mode", 1))
                  .build();

          assertSame(13, List.of(pool));
        }
      }
    }
  }

  @Test
  void hardSigmoidsAndGlobalMaximaAreReadAsWhatTheyAreMadeOf() throws Exception {
    assertSame(13, List.of(operator("GlobalMaxPool", "y", "x").build()));
    assertSame(13, List.of(operator("HardSigmoid", "y", "x").build()));
    assertSame(
        13,
        List.of(
            operator("HardSigmoid", "h", "x").addAttribute(OnnxParts.real("alpha", 1 / 6f)).build(),
            operator("Mul", "y", "x", "h").build()));
  }

  @Test
  void softmaxesRunOverAnyAxis() throws Exception {
    for (int operatorSet : new int[] {11, 13}) {
      for (int axis : new int[] {1, 2, 3, -2}) {
        assertSame(
            operatorSet,
            List.of(
                operator("Softmax", "y", "x")
                    .addAttribute(OnnxParts.integer("axis", axis))
                    .build()));
      }
    }
    assertRefused(
        model(
            13,
            List.of(
                operator("Softmax", "y", "x").addAttribute(OnnxParts.integer("axis", 0)).build())),
        "(Softmax)",
        "axis 0",
        "after the batch");
  }

  @Test
  void numbersOutOfRangeAreRefusedWithARemedy() throws Exception {
    NodeProto conv =
        operator("Conv", "y", "x", "w")
            .addAttribute(OnnxParts.integers("pads", List.of(1L << 40, 0L, 0L, 0L)))
            .build();

    assertRefused(
        model(13, List.of(conv), TestTensors.reals("w", new int[] {1, 2, 1, 1}, 1, 1)),
        "node 'y' (Conv)",
        "export the model again");
  }

  private TensorProto perChannel(String name) {
    return TestTensors.reals(
        name, new int[] {2}, 0.5f + random.nextFloat(), 0.5f + random.nextFloat());
  }

  private static NodeProto relu(String output, String input) {
    return operator("Relu", output, input).build();
  }

  private static NodeProto.Builder operator(String type, String output, String... inputs) {
    return NodeProto.newBuilder()
        .setOpType(type)
        .addAllInput(Arrays.asList(inputs))
        .addOutput(output);
  }

  private static byte[] model(int operatorSet, List<NodeProto> nodes, TensorProto... constants)
      throws Exception {
    OnnxFile file = new OnnxFile("test");
    file.input("x", INPUT);
    ModelProto model = ModelProto.parseFrom(file.bytes());
    GraphProto.Builder graph =
        model.getGraph().toBuilder().addAllNode(nodes).addAllInitializer(Arrays.asList(constants));
    graph.addOutput(model.getGraph().getInput(0).toBuilder().setName("y"));
    graph.getOutputBuilder(0).getTypeBuilder().getTensorTypeBuilder().clearShape();
    return model.toBuilder()
        .setGraph(graph)
        .setOpsetImport(0, OperatorSetIdProto.newBuilder().setVersion(operatorSet))
        .build()
        .toByteArray();
  }

  private Graph assertSame(int operatorSet, List<NodeProto> nodes, TensorProto... constants)
      throws Exception {
    byte[] model = model(operatorSet, nodes, constants);
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 12);

    assertThat(outputs(OnnxExport.write(graph), items).largestDifference(outputs(model, items)))
        .isLessThan(1e-5);
    return graph;
  }

  private static void assertRefused(byte[] content, String... fragments) {
    assertThatThrownBy(() -> OnnxImport.read(content))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(fragments);
  }

  private Outputs outputs(byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), content);
    try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
