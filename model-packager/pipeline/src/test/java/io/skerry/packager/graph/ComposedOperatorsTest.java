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
import io.skerry.wire.onnx.ValueInfoProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
