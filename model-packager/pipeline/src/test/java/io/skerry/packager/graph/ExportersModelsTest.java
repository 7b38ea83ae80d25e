package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
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
