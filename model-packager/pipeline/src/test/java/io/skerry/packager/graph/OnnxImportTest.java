package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxImportTest {
  private static final ModelProto MODEL = parsed(OnnxExport.write(Nets.sensorNet(1)));

  @Test
  void joinsActivationsToTheNodesBeforeThem() {
    Graph graph = OnnxImport.read(MODEL.toByteArray());

    assertThat(graph.nodes()).extracting(Node::op).doesNotHaveAnyElementsOfTypes(Op.Activate.class);
    assertThat(graph.nodes())
        .extracting(Node::activation)
        .contains(Activation.RELU, Activation.RELU6);
  }

  @Test
  void infersShapesWithTheBatchOpen() {
    Graph graph = OnnxImport.read(MODEL.toByteArray());

    assertThat(graph.shape("score")).isEqualTo(Shape.of(Shape.BATCH, 1));
    assertThat(graph.nodes())
        .filteredOn(node -> node.op() instanceof Op.MaxPool)
        .extracting(node -> graph.shape(node.output()))
        .containsExactly(Shape.of(Shape.BATCH, 16, 15));
  }

  @Test
  void foldsBatchNormalisationIntoTheConvolution() {
    NodeProto conv =
        NodeProto.newBuilder()
            .setOpType("Conv")
            .addAllInput(List.of("x", "w"))
            .addOutput("c")
            .build();
    NodeProto norm =
        NodeProto.newBuilder()
            .setOpType("BatchNormalization")
            .addAllInput(List.of("c", "gamma", "beta", "mean", "variance"))
            .addOutput("y")
            .addAttribute(
                AttributeProto.newBuilder()
                    .setName("epsilon")
                    .setType(AttributeProto.AttributeType.FLOAT)
                    .setF(0))
            .build();

    Graph graph =
        OnnxImport.read(
            model(
                List.of(conv, norm),
                tensor("w", List.of(2L, 1L, 1L), 1, 1),
                tensor("gamma", List.of(2L), 2, 3),
                tensor("beta", List.of(2L), 5, 7),
                tensor("mean", List.of(2L), 1, 1),
                tensor("variance", List.of(2L), 4, 1)));

    assertThat(graph.nodes()).hasSize(1);
    Node folded = graph.nodes().getFirst();
    assertThat(graph.constant(folded.inputs().get(1)).orElseThrow().values()).containsExactly(1, 3);
    assertThat(graph.constant(folded.inputs().get(2)).orElseThrow().values()).containsExactly(4, 4);
  }

  @Test
  void namesUnknownOperatorAndNode() {
    NodeProto node =
        NodeProto.newBuilder()
            .setOpType("Gelu")
            .setName("/block/act")
            .addInput("x")
            .addOutput("y")
            .build();

    assertRefused(model(List.of(node)), "node '/block/act' (Gelu)", "not supported");
  }

  @Test
  void refusesWhatIsNoModel() {
    assertRefused("not a model".getBytes(StandardCharsets.UTF_8), "no ONNX model");
    assertRefused(new byte[0], "no nodes");
  }

  @Test
  void refusesOtherVersions() {
    assertRefused(MODEL.toBuilder().setIrVersion(11).build().toByteArray(), "IR version is 11");
    assertRefused(operatorSet(6), "operator set is 6");
    assertRefused(operatorSet(22), "operator set is 22");
  }

  @Test
  void refusesOpenDimensionsOtherThanTheBatch() {
    ModelProto.Builder model = MODEL.toBuilder();
    model
        .getGraphBuilder()
        .getInputBuilder(0)
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .getShapeBuilder()
        .setDim(2, TensorShapeProto.Dimension.newBuilder().setDimParam("W"));

    assertRefused(model.build().toByteArray(), "input 'input'", "dimension 2");
  }

  @Test
  void refusesWeightsOutsideTheFile() {
    TensorProto.Builder external =
        tensor("w", List.of(1L), 1).toBuilder()
            .clearRawData()
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(
                StringStringEntryProto.newBuilder().setKey("location").setValue("../../etc"));

    assertRefused(
        MODEL.toBuilder()
            .setGraph(MODEL.getGraph().toBuilder().addInitializer(external))
            .build()
            .toByteArray(),
        "constant 'w'",
        "one file");
  }

  @Test
  void readsWeightsBesideTheFile(@TempDir Path folder) throws IOException {
    Files.createDirectories(folder.resolve("weights"));
    Files.write(folder.resolve("weights/all.bin"), new byte[] {9, 9, 9, 9, 0, 0, 0x40, 0x40});

    Graph graph =
        OnnxImport.read(external(folder, "weights/all.bin", "offset", "4", "length", "4"));

    Node node = graph.nodes().getFirst();
    assertThat(graph.constant(node.inputs().get(1)).orElseThrow().values()).containsExactly(3);
  }

  @Test
  void refusesWeightsOutsideTheModelsFolder(@TempDir Path folder) throws IOException {
    Path inner = Files.createDirectories(folder.resolve("model"));
    Files.write(folder.resolve("secret"), new byte[4]);
    Files.createSymbolicLink(inner.resolve("link"), folder.resolve("secret"));
    Files.createSymbolicLink(inner.resolve("up"), folder);
    for (String location :
        List.of("../secret", folder.resolve("secret").toString(), "a/../../secret", "", ".")) {
      assertRefused(external(inner, location), "constant 'w'", "outside the model's folder");
    }
    for (String location : List.of("link", "up/secret", "absent", "up")) {
      assertRefused(external(inner, location), "constant 'w'", "no regular file");
    }
  }

  @Test
  void refusesWeightsThatAreNotWhereTheyShouldBe(@TempDir Path folder) throws IOException {
    Files.write(folder.resolve("short"), new byte[6]);

    assertRefused(external(folder, "short", "offset", "4", "length", "4"), "bytes 4 to 8", "has 6");
    assertRefused(external(folder, "short", "offset", "7"), "has 6");
    assertRefused(external(folder, "short", "length", "-1"), "the length '-1'");
    assertRefused(external(folder, "short", "offset", "many"), "the offset 'many'");
    assertRefused(external(folder, "short", "where", "4"), "unknown key 'where'");
    assertRefused(external(folder, "short"), "damaged");
  }

  @Test
  void refusesWeightsBesideTheModelOverTheLimitBeforeReadingThem(@TempDir Path folder)
      throws IOException {
    try (RandomAccessFile sparse = new RandomAccessFile(folder.resolve("big").toFile(), "rw")) {
      sparse.setLength(1L << 33);
    }

    assertRefused(external(folder, "big"), "which is the limit", "prune the model");
  }

  private static Path external(Path folder, String location, String... more) throws IOException {
    TensorProto.Builder tensor =
        tensor("w", List.of(1L), 1).toBuilder()
            .clearFloatData()
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(entry("location", location));
    for (int i = 0; i < more.length; i += 2) {
      tensor.addExternalData(entry(more[i], more[i + 1]));
    }
    byte[] content = model(List.of(operator("Add", "x", "w")), tensor.build());
    return Files.write(folder.resolve("model.onnx"), content);
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  private static void assertRefused(Path file, String... fragments) {
    assertThatThrownBy(() -> OnnxImport.read(file))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(fragments)
        .hasMessageStartingWith(file.toString());
  }

  @Test
  void refusesWeightsThatAreNoNumbers() {
    NodeProto node = operator("Add", "x", "w");

    assertRefused(model(List.of(node), tensor("w", List.of(1L), Float.NaN)), "constant 'w'", "NaN");
  }

  @Test
  void refusesWeightsOfAnotherSizeThanTheirShape() {
    NodeProto node = operator("Add", "x", "w");

    assertRefused(model(List.of(node), tensor("w", List.of(3L), 1, 2)), "constant 'w'", "damaged");
  }

  @Test
  void refusesOperandsThatNobodyMakes() {
    assertRefused(model(List.of(operator("Relu", "z"))), "(Relu)", "'z'");
  }

  @Test
  void readsOrRefusesDamagedFilesAndNothingElse() {
    byte[] whole = MODEL.toByteArray();
    Random random = new Random(5);
    for (int round = 0; round < 3000; round++) {
      byte[] damaged =
          round % 3 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      for (int i = 0; i < 4 && damaged.length > 0; i++) {
        // Most bytes are weights; the structure is at both ends of the file.
        int at = random.nextInt(Math.min(damaged.length, 600));
        damaged[random.nextBoolean() ? at : damaged.length - 1 - at] = (byte) random.nextInt();
      }
      try {
        assertThat(OnnxImport.read(damaged).nodes()).isNotEmpty();
      } catch (ModelRefusedException e) {
        assertThat(e).hasMessageNotContaining("\n");
      }
    }
  }

  private static void assertRefused(byte[] content, String... fragments) {
    assertThatThrownBy(() -> OnnxImport.read(content))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(fragments)
        .message()
        .doesNotContain("\n");
  }

  private static byte[] operatorSet(int version) {
    return MODEL.toBuilder()
        .setOpsetImport(0, OperatorSetIdProto.newBuilder().setDomain("").setVersion(version))
        .build()
        .toByteArray();
  }

  private static NodeProto operator(String type, String... inputs) {
    return NodeProto.newBuilder()
        .setOpType(type)
        .addAllInput(List.of(inputs))
        .addOutput("y")
        .build();
  }

  private static byte[] model(List<NodeProto> nodes, TensorProto... initializers) {
    OnnxFile file = new OnnxFile("test");
    file.input("x", Shape.of(Shape.BATCH, 1, 4));
    file.output("y", Shape.of(Shape.BATCH, 1));
    ModelProto model = parsed(file.bytes());
    GraphProto graph =
        model.getGraph().toBuilder()
            .addAllNode(nodes)
            .addAllInitializer(List.of(initializers))
            .build();
    return model.toBuilder().setGraph(graph).build().toByteArray();
  }

  private static TensorProto tensor(String name, List<Long> dimensions, float... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .addAllDims(dimensions);
    for (float value : values) {
      tensor.addFloatData(value);
    }
    return tensor.build();
  }

  private static ModelProto parsed(byte[] content) {
    try {
      return ModelProto.parseFrom(content);
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }
}
