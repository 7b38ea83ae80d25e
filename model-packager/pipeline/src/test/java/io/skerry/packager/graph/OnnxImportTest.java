package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
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
            .setOpType("Einsum")
            .setName("/block/act")
            .addInput("x")
            .addOutput("y")
            .build();

    assertRefused(model(List.of(node)), "node '/block/act' (Einsum)", "not supported");
  }

  @Test
  void refusesWhatIsNoModel() {
    assertRefused("not a model".getBytes(StandardCharsets.UTF_8), "no ONNX model");
    assertRefused(new byte[0], "no nodes", "export it again");
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
        model(List.of(operator("Add", "x", "w")), external.build()), "constant 'w'", "one file");
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

  /** People know the layers of their model; a constant's name is the exporter's. */
  @Test
  void namesTheNodeThatReadsARefusedConstant(@TempDir Path folder) throws IOException {
    NodeProto relu = operator("Relu", List.of("x"), "r");
    NodeProto add =
        operator("Add", List.of("r", "w"), "y").toBuilder().setName("/head/add").build();
    TensorProto halves =
        tensor("w", List.of(1L), 1).toBuilder()
            .setDataType(TensorProto.DataType.FLOAT16_VALUE)
            .build();
    String node = "node '/head/add' (Add): constant 'w' ";
    for (TensorProto refused :
        List.of(
            tensor("w", List.of(1L), Float.NaN),
            tensor("w", List.of(1L), Float.NEGATIVE_INFINITY),
            tensor("w", List.of(3L), 1, 2),
            tensor("w", List.of(-1L), 1),
            tensor("w", List.of(1L << 20, 1L << 20), 1),
            tensor("w", List.of(1L), 1).toBuilder()
                .clearFloatData()
                .setRawData(ByteString.copyFrom(new byte[3]))
                .build(),
            halves)) {
      assertThatThrownBy(() -> OnnxImport.read(model(List.of(relu, add), refused)))
          .hasMessageStartingWith(node)
          .as("what to do")
          .hasMessageMatching(".*: (train or )?(export|save).*");
    }
    Files.write(folder.resolve("short"), new byte[6]);
    for (String[] place :
        List.of(
            new String[] {"../secret"},
            new String[] {"absent"},
            new String[] {"short", "offset", "4", "length", "4"},
            new String[] {"short", "where", "4"},
            new String[] {"short"})) {
      Path file = external(folder, place[0], Arrays.copyOfRange(place, 1, place.length));

      assertThatThrownBy(() -> OnnxImport.read(file))
          .hasMessageStartingWith(file + ": node 'y' (Add): constant 'w' ")
          .as("what to do")
          .hasMessageMatching(".*: (export|save).*");
    }
  }

  @Test
  void namesTheNodeThatReadsARefusedConstantNode() {
    NodeProto constant =
        attributed(
            operator("Constant", List.of(), "w"),
            AttributeProto.newBuilder()
                .setName("value")
                .setType(AttributeProto.AttributeType.TENSOR)
                .setT(tensor("", List.of(3L), 1))
                .build());

    assertRefused(
        model(List.of(constant, operator("Add", List.of("x", "w"), "y"))),
        "node 'y' (Add): node 'w' (Constant): ",
        "does not hold 3 elements",
        "export it again");
    assertThat(
            OnnxImport.read(model(List.of(constant, operator("Relu", List.of("x"), "y")))).nodes())
        .hasSize(1);
  }

  @Test
  void namesNoNodeOfAConstantThatNoneReads() {
    assertThatThrownBy(() -> OnnxImport.read(model(List.of(relu()), tensor("y", List.of(3L), 1))))
        .hasMessageStartingWith("constant 'y' of shape");
  }

  @Test
  void refusesSizesThatNoArrayHas() {
    ModelProto.Builder model = MODEL.toBuilder();
    model
        .getGraphBuilder()
        .getInputBuilder(0)
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .getShapeBuilder()
        .getDimBuilder(1)
        .setDimValue(1L << 40);

    assertRefused(
        model.build().toByteArray(),
        "input 'input' has size 1099511627776 in dimension 1",
        "export it for smaller inputs");
  }

  /** An engine believes what a file says of its outputs, and so would whoever reads them. */
  @Test
  void refusesAnOutputOfAnotherSizeThanIsSaid(@TempDir Path folder) throws Exception {
    NodeProto made = operator("Relu", "x").toBuilder().setName("last_7").build();
    OnnxFile narrow = new OnnxFile("narrow");
    narrow.output("y", Shape.of(Shape.BATCH, 1));
    ModelProto.Builder model = parsed(model(List.of(made))).toBuilder();
    model.getGraphBuilder().setOutput(0, parsed(narrow.bytes()).getGraph().getOutput(0));
    Path file = folder.resolve("model.onnx");
    Files.write(file, model.build().toByteArray());

    assertRefused(
        file, "node 'last_7' (Relu)", "output 'y' is said to be [N,1] and is [N,1,4]", "export");
  }

  @Test
  void tellsNamesThatWouldSteerATerminalWithoutDoingSo() {
    NodeProto odd = operator("Odd", "x").toBuilder().setName("\u202e\u0007odd").build();

    assertRefused(model(List.of(odd)), "node '??odd' (Odd)");
  }

  private static NodeProto relu() {
    return operator("Relu", List.of("x"), "r");
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
  void refusesWeightsThatAreNoNumbers(@TempDir Path folder) throws Exception {
    NodeProto node = operator("Add", "x", "w").toBuilder().setName("/mask").build();
    TensorProto endless = tensor("w", List.of(1L), Float.NEGATIVE_INFINITY);
    Path file = folder.resolve("masked.onnx");
    Files.write(file, model(List.of(node), endless));

    assertRefused(model(List.of(node), tensor("w", List.of(1L), Float.NaN)), "constant 'w'", "NaN");
    assertRefused(file, "node '/mask' (Add): constant 'w' holds -Infinity: export", "-1e9");
  }

  @Test
  void refusesWeightsOfAnotherSizeThanTheirShape() {
    NodeProto node = operator("Add", "x", "w");

    assertRefused(model(List.of(node), tensor("w", List.of(3L), 1, 2)), "constant 'w'", "damaged");
  }

  @Test
  void computesWhatIsMadeOfConstantsAlone() {
    for (String type : List.of("Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Exp", "LeakyRelu")) {
      Graph graph =
          OnnxImport.read(
              model(
                  List.of(
                      operator(type, List.of("w"), "v"), operator("Add", List.of("x", "v"), "y")),
                  tensor("w", List.of(4L), -2, -0.5f, 0, 3)));

      assertThat(graph.nodes()).as(type).hasSize(1);
      float[] values = graph.constant("v").orElseThrow().values();
      double[] expected = new double[4];
      double[] from = {-2, -0.5, 0, 3};
      for (int i = 0; i < expected.length; i++) {
        double x = from[i];
        expected[i] =
            switch (type) {
              case "Relu" -> Math.max(0, x);
              case "Sigmoid" -> 1 / (1 + Math.exp(-x));
              case "Tanh" -> Math.tanh(x);
              case "Neg" -> -x;
              case "Abs" -> Math.abs(x);
              case "Exp" -> Math.exp(x);
              default -> x < 0 ? 0.01 * x : x;
            };
        assertThat((double) values[i]).as(type).isCloseTo(expected[i], within(1e-6));
      }
    }
  }

  @Test
  void clipsAndDividesConstants() {
    Graph graph =
        OnnxImport.read(
            model(
                List.of(
                    operator("Clip", List.of("w", "low", "high"), "c"),
                    operator("Div", List.of("c", "by"), "d"),
                    operator("Mul", List.of("x", "d"), "y")),
                tensor("w", List.of(4L), -2, -0.5f, 2, 9),
                tensor("low", List.of(), -1),
                tensor("high", List.of(), 6),
                tensor("by", List.of(), 2)));

    assertThat(graph.constant("d").orElseThrow().values()).containsExactly(-0.5f, -0.25f, 1, 3);
  }

  @Test
  void followsShapesAsExportersWriteThem() {
    Graph graph =
        OnnxImport.read(
            model(
                List.of(
                    operator("Shape", List.of("x"), "s"),
                    operator("Gather", List.of("s", "zero"), "n"),
                    operator("Unsqueeze", List.of("n", "axes"), "n1"),
                    operator("Slice", List.of("s", "axes1", "far"), "rest"),
                    operator("Gather", List.of("s", "two"), "width"),
                    operator("Mul", List.of("width", "one"), "same"),
                    attributed(
                        operator("Cast", List.of("same"), "real"),
                        OnnxParts.integer("to", TensorProto.DataType.FLOAT_VALUE)),
                    operator("Floor", List.of("real"), "floor"),
                    attributed(
                        operator("Cast", List.of("floor"), "whole"),
                        OnnxParts.integer("to", TensorProto.DataType.INT64_VALUE)),
                    operator("Unsqueeze", List.of("whole", "axes"), "w1"),
                    attributed(
                        operator("Concat", List.of("n1", "w1"), "target"),
                        OnnxParts.integer("axis", 0)),
                    operator("Reshape", List.of("x", "target"), "y")),
                integers("zero", List.of(), 0),
                integers("one", List.of(), 1),
                integers("two", List.of(), 2),
                integers("axes", List.of(1L), 0),
                integers("axes1", List.of(1L), 1),
                integers("far", List.of(1L), Long.MAX_VALUE)));

    assertThat(graph.shape("y")).isEqualTo(Shape.of(Shape.BATCH, 4));
    assertThat(graph.nodes()).hasSize(1);
  }

  @Test
  void refusesArithmeticOverTheSizeOfTheBatch() {
    assertRefused(
        model(
            List.of(
                operator("Shape", List.of("x"), "s"),
                operator("Mul", List.of("s", "s"), "t"),
                operator("Reshape", List.of("x", "t"), "y"))),
        "(Mul)",
        "size of the batch",
        "batch of 1");
    assertRefused(
        model(
            List.of(
                operator("Shape", List.of("x"), "s"),
                operator("Reshape", List.of("w", "s"), "v"),
                operator("Add", List.of("x", "v"), "y")),
            tensor("w", List.of(4L), 1, 2, 3, 4)),
        "(Reshape)",
        "size of the batch");
  }

  @Test
  void refusesWhatItCannotComputeOfConstants() {
    assertRefused(
        model(
            List.of(
                operator("NonZero", List.of("w"), "v"), operator("Add", List.of("x", "v"), "y")),
            tensor("w", List.of(4L), 1, 2, 3, 4)),
        "(NonZero)",
        "constant",
        "constants folded");
    assertRefused(
        model(
            List.of(operator("Sqrt", List.of("w"), "v"), operator("Add", List.of("x", "v"), "y")),
            tensor("w", List.of(1L), -1)),
        "(Sqrt)",
        "NaN");
    assertRefused(
        model(List.of(operator("Relu", List.of("w"), "y")), tensor("w", List.of(1L), 1)),
        "output 'y' is constant");
  }

  @Test
  void refusesConstantsThatTakeTooLong() {
    List<NodeProto> slices = new ArrayList<>();
    slices.add(operator("ConstantOfShape", List.of("size"), "c"));
    for (int i = 0; i < 300; i++) {
      slices.add(operator("Slice", List.of("c", "zero", "one"), "c" + i));
      slices.add(operator("Add", List.of(i == 0 ? "x" : "y" + (i - 1), "c" + i), "y" + i));
    }
    slices.add(operator("Relu", List.of("y299"), "y"));
    TensorProto[] constants = {
      integers("size", List.of(1L), 1 << 20),
      integers("zero", List.of(1L), 0),
      integers("one", List.of(1L), 1)
    };

    assertRefused(model(slices, constants), "(Slice)", "elements", "constants folded");

    List<NodeProto> deep =
        List.of(
            operator("Unsqueeze", List.of("w", "axes"), "v"),
            operator("Add", List.of("x", "v"), "y"));
    long[] axes = LongStream.range(0, 20).toArray();
    assertRefused(
        model(deep, tensor("w", List.of(1L), 1), integers("axes", List.of(20L), axes)),
        "(Unsqueeze)",
        "'v' has 21 dimensions");
  }

  @Test
  void keepsTheNamesOfOutputsThatOnlyPassATensorOn() {
    Graph renamed =
        OnnxImport.read(
            model(
                List.of(
                    operator("Relu", List.of("x"), "inner"),
                    operator("Identity", List.of("inner"), "y"),
                    operator("Sigmoid", List.of("inner"), "unread"))));

    assertThat(renamed.outputs()).containsExactly("y");
    assertThat(renamed.nodes()).extracting(Node::output).containsExactly("y");

    byte[] twice =
        model(
            List.of(
                operator("Relu", List.of("x"), "inner"),
                operator("Identity", List.of("inner"), "y"),
                operator("Dropout", List.of("inner"), "z")));
    ModelProto.Builder both = parsed(twice).toBuilder();
    both.getGraphBuilder().addOutput(both.getGraph().getOutput(0).toBuilder().setName("z"));
    Graph copied = OnnxImport.read(both.build().toByteArray());

    assertThat(copied.outputs()).containsExactly("y", "z");
    assertThat(copied.nodes()).extracting(Node::output).containsExactly("y", "z");
  }

  @Test
  void readsAFixedBatchAsAnyBatch(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model.onnx");
    Files.write(
        file,
        batchOf64(
            operator("Relu", List.of("x"), "r"), operator("Reshape", List.of("r", "target"), "y")));
    Graph graph = OnnxImport.read(file);

    assertThat(graph.shape("x")).isEqualTo(Shape.of(Shape.BATCH, 1, 4));
    assertThat(graph.shape("y")).isEqualTo(Shape.of(Shape.BATCH, 4));

    Files.write(file, batchOf64(operator("Add", List.of("x", "each"), "y")));
    assertRefused(file, "(Add)", "fixed to batches of 64", "export it for batches of 1");
  }

  private static byte[] batchOf64(NodeProto... nodes) {
    ModelProto.Builder model =
        parsed(
            model(
                List.of(nodes),
                integers("target", List.of(2L), 64, 4),
                tensor("each", List.of(64L, 1L, 1L), new float[64])))
            .toBuilder();
    model
        .getGraphBuilder()
        .getInputBuilder(0)
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .getShapeBuilder()
        .setDim(0, TensorShapeProto.Dimension.newBuilder().setDimValue(64));
    return model.build().toByteArray();
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

  private static NodeProto operator(String type, List<String> inputs, String output) {
    return NodeProto.newBuilder().setOpType(type).addAllInput(inputs).addOutput(output).build();
  }

  private static NodeProto attributed(NodeProto node, AttributeProto... attributes) {
    return node.toBuilder().addAllAttribute(List.of(attributes)).build();
  }

  private static TensorProto integers(String name, List<Long> dimensions, long... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.INT64_VALUE)
            .addAllDims(dimensions);
    for (long value : values) {
      tensor.addInt64Data(value);
    }
    return tensor.build();
  }

  private static byte[] model(List<NodeProto> nodes, TensorProto... initializers) {
    OnnxFile file = new OnnxFile("test");
    file.input("x", Shape.of(Shape.BATCH, 1, 4));
    ModelProto model = parsed(file.bytes());
    GraphProto graph =
        model.getGraph().toBuilder()
            .addOutput(ValueInfoProto.newBuilder().setName("y"))
            .addAllNode(nodes)
            .addAllInitializer(List.of(initializers))
            .build();
    return model.toBuilder().setGraph(graph).build().toByteArray();
  }

  private static TensorProto tensor(String name, List<Long> dimensions, float... values) {
    return TestTensors.reals(
        name, dimensions.stream().mapToInt(Math::toIntExact).toArray(), values);
  }

  private static ModelProto parsed(byte[] content) {
    try {
      return ModelProto.parseFrom(content);
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }
}
