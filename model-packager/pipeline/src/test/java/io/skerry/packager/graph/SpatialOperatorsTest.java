package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
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
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.SubGraph;

/** Operators that change a feature map's size, and bounds, as the runtime itself computes them. */
class SpatialOperatorsTest {
  private static final Shape INPUT = Shape.of(Shape.BATCH, 2, 6, 5);

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void sayWhatTheOriginalSays(long seed) throws Exception {
    for (byte[] model : models(seed)) {
      Graph graph = OnnxImport.read(model);
      Samples items = Nets.randomItems(graph, 12);

      Outputs ours = outputs(OnnxExport.write(graph), items);
      Outputs halves = outputs(OnnxExport.writeHalf(graph), items);

      Outputs theirs = outputs(model, items);
      assertThat(ours.largestDifference(theirs)).isLessThan(1e-5);
      assertThat(halves.largestDifference(theirs))
          .isLessThan(0.02 * Math.max(1, theirs.largestMagnitude()));
    }
  }

  @Test
  void standBetweenIntegerLayers() throws Exception {
    for (byte[] model : models(7)) {
      assertIntegersSay(model);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void sayTheSameInTflite(long seed) throws Exception {
    for (Written each : written(seed)) {
      byte[] model = each.model().toByteArray();
      Graph graph = OnnxImport.read(model);
      Samples items = Nets.randomItems(graph, 12);
      Outputs theirs = outputs(model, items);
      Observations seen = Calibrator.observe(graph, items);

      byte[] floats = TfliteExport.write(graph);
      byte[] integers =
          TfliteExport.write(
              Nets.quantized(graph, seen, Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));

      assertThat(outputs(Engine.TFLITE, floats, items).largestDifference(theirs))
          .as(each.what())
          .isLessThan(1e-5 * Math.max(1, theirs.largestMagnitude()));
      assertThat(
              outputs(OnnxExport.write(TfliteImport.read(floats)), items).largestDifference(theirs))
          .as(each.what())
          .isLessThan(1e-5 * Math.max(1, theirs.largestMagnitude()));
      assertThat(outputs(Engine.TFLITE, integers, items).signalToNoise(theirs))
          .as(each.what())
          .isGreaterThan(25);
      assertThat(floatsBetween(integers)).as(each.what()).isFalse();
      for (byte[] content : new byte[][] {floats, integers}) {
        Path file = Files.write(folder.resolve("delegated.tflite"), content);
        assertThat(Delegation.undelegated(file))
            .as(each.what())
            .map(left -> left.replaceAll(".* \\((\\w+)\\)", "$1"))
            .isEqualTo(each.undelegated());
      }
    }
  }

  /** Whether anything but the ends of a TFLite file is converted from or to integers. */
  private static boolean floatsBetween(byte[] tflite) {
    Model model = Model.getRootAsModel(ByteBuffer.wrap(tflite));
    SubGraph graph = model.subgraphs(0);
    long conversions =
        IntStream.range(0, graph.operatorsLength())
            .map(i -> model.operatorCodes((int) graph.operators(i).opcodeIndex()).builtinCode())
            .filter(c -> c == BuiltinOperator.QUANTIZE || c == BuiltinOperator.DEQUANTIZE)
            .count();
    return conversions != 2;
  }

  /**
   * A model between whose convolutions there is an operator.
   *
   * @param undelegated operators of its TFLite file that XNNPACK does not know
   */
  private record Written(String what, ByteString model, List<String> undelegated) {}

  private static List<Written> written(long seed) {
    Random random = new Random(seed);
    List<Written> all = new ArrayList<>();
    for (NodeProto.Builder op :
        List.of(
            operator("Pad", "u", "t", "pads"),
            operator("Pad", "u", "t", "pads", "value"),
            operator("Pad", "u", "t", "around", "value"),
            operator("Slice", "u", "t", "from", "to"),
            operator("Slice", "u", "t", "from", "to", "", "apart"),
            operator("Slice", "u", "t", "second", "whole", "", "both"),
            operator("Slice", "u", "t", "from", "to", "", "far"),
            operator("Clip", "u", "t", "low", "high"),
            operator("Clip", "u", "t", "", "high"),
            operator("Clip", "u", "t", "low"),
            operator("Clip", "u", "t", "minus", "plus"),
            resizing("nearest", "asymmetric", "floor", "twice"),
            resizing("nearest", "half_pixel", "round_prefer_floor", "twice"),
            resizing("nearest", "asymmetric", "floor", "rows"),
            resizing("nearest", "asymmetric", "floor", "columns"),
            resizing("nearest", "asymmetric", "floor", "more"),
            resizing("linear", "half_pixel", "floor", "twice"),
            resizing("linear", "pytorch_half_pixel", "floor", "twice"),
            resizing("linear", "asymmetric", "floor", "twice"),
            resizing("linear", "align_corners", "floor", "more"),
            transposing("w4", 1).addAttribute(OnnxParts.integers("pads", List.of(1, 1, 1, 1))),
            transposing("w4", 1).addAttribute(OnnxParts.integers("pads", List.of(0, 1, 2, 0))),
            transposing("w3", 1)
                .addAttribute(OnnxParts.integers("pads", List.of(1, 1, 1, 1)))
                .addAttribute(OnnxParts.integers("output_padding", List.of(1, 1))),
            transposing("w3", 1)
                .addAttribute(OnnxParts.integers("pads", List.of(1, 0, 0, 1)))
                .addAttribute(OnnxParts.integers("output_padding", List.of(1, 0))),
            transposing("w1", 1).addAttribute(OnnxParts.integers("output_padding", List.of(0, 1))),
            transposing("w1", 1),
            transposing("w3", 1).addAttribute(OnnxParts.integers("dilations", List.of(2, 1))),
            transposing("wg", 2))) {
      all.add(between(op, random, 2));
    }
    for (NodeProto.Builder op :
        List.of(
            operator("Pad", "u", "t", "pads"),
            resizing("linear", "half_pixel", "floor", "twice"),
            resizing("nearest", "asymmetric", "floor", "twice"),
            operator("ConvTranspose", "u", "t", "w4", "b")
                .addAttribute(OnnxParts.integers("strides", List.of(2))),
            operator("ConvTranspose", "u", "t", "w3", "b")
                .addAttribute(OnnxParts.integers("strides", List.of(2)))
                .addAttribute(OnnxParts.integers("pads", List.of(1, 1))))) {
      all.add(between(op, random, 1));
    }
    return all;
  }

  private static NodeProto.Builder resizing(
      String mode, String coordinates, String rounding, String scales) {
    return operator("Resize", "u", "t", "", scales)
        .addAttribute(OnnxParts.text("mode", mode))
        .addAttribute(OnnxParts.text("coordinate_transformation_mode", coordinates))
        .addAttribute(OnnxParts.text("nearest_mode", rounding));
  }

  private static NodeProto.Builder transposing(String weights, int groups) {
    return operator("ConvTranspose", "u", "t", weights, groups == 1 ? "b" : "")
        .addAttribute(OnnxParts.integers("strides", List.of(2, 2)))
        .addAttribute(OnnxParts.integer("group", groups));
  }

  /** The operator between two convolutions. */
  private static Written between(NodeProto.Builder op, Random random, int rank) {
    NodeProto node = op.setName("op").build();
    boolean value = node.getInputList().contains("value");
    int channels = List.of("ConvTranspose", "Slice").contains(node.getOpType()) ? 3 : 4;
    NodeProto first = operator("Conv", "t", "x", "first").setName("before").build();
    NodeProto last = operator("Conv", "y", "u", "last").setName("after").build();
    List<NodeProto> nodes = List.of(first, node, last);
    int padded = value || rank == 2 ? 1 : 0;
    List<TensorProto> constants =
        new ArrayList<>(
            List.of(
                scalar("value", 0.5f),
                scalar("low", -0.3f * random.nextFloat()),
                scalar("high", 0.2f + random.nextFloat()),
                scalar("minus", -1),
                scalar("plus", 1),
                tensor("b", random, 3)));
    if (rank == 1) {
      constants.add(TestTensors.integers("pads", 0, 0, 1, 0, 0, 2));
      constants.add(tensor("first", random, 4, 2, 3));
      constants.add(tensor("last", random, 2, channels, 2));
      constants.add(scales("twice", 1, 1, 2));
      constants.add(tensor("w3", random, 4, 3, 3));
      constants.add(tensor("w4", random, 4, 3, 4));
    } else {
      constants.add(TestTensors.integers("pads", 0, padded, 1, 0, 0, 0, 2, random.nextInt(3)));
      constants.add(TestTensors.integers("around", 0, 0, 1, 0, 0, 0, 2, random.nextInt(3)));
      constants.add(TestTensors.integers("from", 0, -3, 0, 0));
      constants.add(TestTensors.integers("second", 0, -3, 1, 2));
      constants.add(TestTensors.integers("both", 1, 1, 2, 3));
      constants.add(TestTensors.integers("whole", Long.MAX_VALUE, 4, 4, 3));
      constants.add(TestTensors.integers("far", 1, 1, 3, 1));
      constants.add(TestTensors.integers("to", Long.MAX_VALUE, 4, -1, 3));
      constants.add(TestTensors.integers("apart", 1, 1, 2, 1));
      constants.add(tensor("first", random, 4, 2, 3, 3));
      constants.add(
          tensor("last", random, 2, node.getInputList().contains("pads") ? 5 : channels, 1, 1));
      constants.add(scales("twice", 1, 1, 2, 2));
      constants.add(scales("rows", 1, 1, 7, 1));
      constants.add(scales("columns", 1, 1, 1, 5));
      constants.add(scales("more", 1, 1, 1.5f, 3));
      constants.add(tensor("w1", random, 4, 3, 1, 1));
      constants.add(tensor("w3", random, 4, 3, 3, 3));
      constants.add(tensor("w4", random, 4, 3, 4, 4));
      constants.add(tensor("wg", random, 4, 3, 3, 2));
      if (node.getInputList().contains("wg")) {
        constants.removeIf(c -> c.getName().equals("last"));
        constants.add(tensor("last", random, 2, 6, 1, 1));
      }
    }
    Shape input = rank == 1 ? Shape.of(Shape.BATCH, 2, 9) : INPUT;
    return new Written(
        node.toString().replaceAll("\\s+", " "),
        ByteString.copyFrom(model(input, nodes, constants.toArray(TensorProto[]::new))),
        notTaken(node));
  }

  private static List<String> notTaken(NodeProto node) {
    Set<String> operands = Set.copyOf(node.getInputList());
    boolean nearest =
        node.getAttributeList().stream().anyMatch(a -> a.getS().toStringUtf8().equals("nearest"));
    if (operands.containsAll(List.of("pads", "value"))) {
      return List.of("PADV2");
    }
    if (operands.contains("far")) {
      return List.of("STRIDED_SLICE");
    }
    return nearest && operands.contains("more") ? List.of("RESIZE_NEAREST_NEIGHBOR") : List.of();
  }

  @Test
  void productsAndSumsPerChannelAreFoldedIntoTransposedConvolutions() throws Exception {
    byte[] model =
        model(
            List.of(
                operator("ConvTranspose", "u", "x", "w", "b")
                    .addAttribute(OnnxParts.integers("strides", List.of(2, 2)))
                    .addAttribute(OnnxParts.integer("group", 2))
                    .build(),
                operator("Mul", "v", "u", "factors").build(),
                operator("Sub", "t", "v", "means").build(),
                operator("Clip", "s", "t", "low").build(),
                operator("Clip", "y", "s", "", "high").build()),
            tensor("w", new Random(1), 2, 3, 3, 2),
            tensor("b", new Random(2), 6),
            tensor("factors", new Random(3), 1, 6, 1, 1),
            tensor("means", new Random(4), 6, 1, 1),
            scalar("low", -0.1f),
            scalar("high", 0.2f));
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 12);

    assertThat(graph.nodes())
        .extracting(node -> node.op().getClass().getSimpleName())
        .containsExactly("ConvTranspose", "Clip");
    assertThat(outputs(OnnxExport.write(graph), items).largestDifference(outputs(model, items)))
        .isLessThan(1e-5);
  }

  @Test
  void transposedConvolutionsKeepTheirWeightsInOnnxRuntime() throws Exception {
    // It reads a channel that is always 0, but all would share its scale.
    TensorProto.Builder weights = tensor("w", new Random(1), 4, 3, 2, 2).toBuilder();
    weights.setFloatData(0, 1e4f);
    TensorProto never =
        TensorProto.newBuilder()
            .setName("never")
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .addDims(4)
            .addAllFloatData(List.of(-100f, 0.1f, 0.2f, 0.3f))
            .build();
    byte[] model =
        model(
            List.of(
                operator("Conv", "r", "x", "first", "never").setName("before").build(),
                operator("Relu", "t", "r").setName("relu").build(),
                operator("ConvTranspose", "u", "t", "w").setName("up").build(),
                operator("Conv", "y", "u", "last").setName("after").build()),
            tensor("first", new Random(2), 4, 2, 3, 3),
            weights.build(),
            tensor("last", new Random(3), 2, 3, 1, 1),
            never);

    assertIntegersSay(model);
  }

  @Test
  void nodesWithoutNamesGetNamesOfTheirOwn() throws Exception {
    byte[] model =
        model(
            List.of(
                operator("Conv", "t", "x", "first").build(),
                operator("Conv", "y", "t", "last").build()),
            tensor("first", new Random(2), 4, 2, 3, 3),
            tensor("last", new Random(3), 2, 4, 1, 1));

    assertIntegersSay(model);
  }

  @Test
  void slicesStayIntegers() throws Exception {
    byte[] model =
        written(3).stream()
            .filter(each -> each.what().contains("apart"))
            .findFirst()
            .orElseThrow()
            .model()
            .toByteArray();

    assertThat(FusionCheck.unfused(assertIntegersSay(model))).isEmpty();
  }

  @Test
  void sliceToTheEndAlsoInOldOperatorSets() throws Exception {
    NodeProto slice =
        operator("Slice", "y", "x")
            .addAttribute(OnnxParts.integers("starts", List.of(-2, -3, 1)))
            .addAttribute(OnnxParts.integers("ends", List.of(Long.MAX_VALUE, Long.MAX_VALUE, -1L)))
            .addAttribute(OnnxParts.integers("axes", List.of(1, 2, 3)))
            .build();
    byte[] model =
        ModelProto.parseFrom(model(List.of(slice))).toBuilder()
            .setOpsetImport(0, OperatorSetIdProto.newBuilder().setVersion(9))
            .build()
            .toByteArray();
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 12);

    assertThat(graph.shape("y")).isEqualTo(Shape.of(Shape.BATCH, 2, 3, 3));
    assertThat(outputs(OnnxExport.write(graph), items).largestDifference(outputs(model, items)))
        .isZero();
  }

  @Test
  void areRefusedWithARemedyWhereTfliteFindsOtherPlaces() throws Exception {
    for (byte[] model :
        List.of(
            model(resize("linear", "half_pixel", 1.3f, 2)),
            model(resize("nearest", "half_pixel", 2, 2)))) {
      Graph graph = OnnxImport.read(model);

      assertThatThrownBy(() -> TfliteExport.write(graph))
          .isInstanceOf(ModelRefusedException.class)
          .hasMessageContainingAll("node 'op'", "other places", "ONNX Runtime");
    }
  }

  /** Every way of finding the nearest place by whole factors, in the format or refused by it. */
  @ParameterizedTest
  @CsvSource({
    "half_pixel, floor, 0",
    "half_pixel, ceil, 0",
    "half_pixel, round_prefer_floor, 16",
    "half_pixel, round_prefer_ceil, 16",
    "asymmetric, floor, 16",
    "asymmetric, ceil, 0",
    "asymmetric, round_prefer_floor, 7",
    "asymmetric, round_prefer_ceil, 0",
    "align_corners, floor, 0",
    "align_corners, ceil, 0",
    "align_corners, round_prefer_floor, 15",
    "align_corners, round_prefer_ceil, 16"
  })
  void showTheSameNearestPlacesInTflite(String coordinates, String rounding, int written)
      throws Exception {
    int said = 0;
    for (int size : new int[] {3, 4, 8, 1}) {
      for (int factor = 2; factor <= 5; factor++) {
        NodeProto node =
            resizing("nearest", coordinates, rounding, "scales")
                .setName("op")
                .setInput(0, "x")
                .setOutput(0, "y")
                .build();
        byte[] model =
            model(
                Shape.of(Shape.BATCH, 2, size, 5),
                List.of(node),
                scales("scales", 1, 1, factor, 2));
        Graph graph = OnnxImport.read(model);
        Samples items = Nets.randomItems(graph, 2);
        byte[] floats;
        try {
          floats = TfliteExport.write(graph);
        } catch (ModelRefusedException e) {
          assertThat(e).hasMessageContaining("other places");
          continue;
        }
        said++;
        assertThat(outputs(Engine.TFLITE, floats, items).largestDifference(outputs(model, items)))
            .as("%d times %d", size, factor)
            .isZero();
      }
    }
    assertThat(said).isEqualTo(written);
  }

  @Test
  void zerosAroundAConvolutionsInputBecomeItsOwnPadding() {
    NodeProto conv = operator("Conv", "y", "t", "w").setName("conv").build();
    Graph graph =
        OnnxImport.read(
            model(
                List.of(operator("Pad", "t", "x", "pads").setName("pad").build(), conv),
                TestTensors.integers("pads", 0, 0, 1, 2, 0, 0, 0, 1),
                tensor("w", new Random(1), 3, 2, 3, 3)));

    assertThat(graph.nodes()).singleElement().extracting(Node::op).isInstanceOf(Op.Conv.class);
    Op.Conv joined = (Op.Conv) graph.nodes().getFirst().op();
    assertThat(joined.window().before()).containsExactly(1, 2);
    assertThat(joined.window().after()).containsExactly(0, 1);
  }

  @Test
  void refuseWhatTheyCannotDo() {
    NodeProto reflect =
        operator("Pad", "y", "x", "pads").addAttribute(OnnxParts.text("mode", "reflect")).build();
    TensorProto around = TestTensors.integers("pads", 0, 0, 1, 1, 0, 0, 1, 1);

    assertRefused(model(List.of(reflect), around), "(Pad)", "mode 'reflect'");
    assertRefused(
        model(
            List.of(operator("Pad", "y", "x", "pads").build()),
            TestTensors.integers("pads", 1, 0, 0, 0, 0, 0, 0, 0)),
        "(Pad)",
        "batch");
    assertRefused(model(resize("cubic", "half_pixel", 2, 2)), "(Resize)", "mode 'cubic'");
    assertRefused(model(resize("linear", "half_pixel", 1e-9f, 2)), "(Resize)", "dimension 0");
    assertRefused(model(resize("linear", "half_pixel", 1e4f, 1e4f)), "(Resize)", "smaller inputs");
    assertRefused(
        model(
            List.of(operator("ConvTranspose", "y", "x", "w").build()),
            tensor("w", new Random(1), 3, 2, 2, 2)),
        "(ConvTranspose)",
        "do not fit input");
    assertRefused(
        model(
            List.of(operator("Clip", "y", "x", "low", "high").build()),
            scalar("low", 2),
            scalar("high", 1)),
        "(Clip)",
        "lower one first");
  }

  private static List<byte[]> models(long seed) {
    Random random = new Random(seed);
    return List.of(
        model(
            List.of(operator("Pad", "y", "x", "pads", "value").build()),
            TestTensors.integers("pads", 0, 0, random.nextInt(3), 1, 0, 1, 2, random.nextInt(3)),
            scalar("value", 0.5f)),
        model(
            List.of(
                operator("Pad", "t", "x", "pads").setName("pad").build(),
                operator("Conv", "y", "t", "w").setName("conv").build()),
            TestTensors.integers("pads", 0, 0, random.nextInt(3), 1, 0, 0, 2, random.nextInt(3)),
            tensor("w", random, 3, 2, 3, 3)),
        model(
            List.of(operator("Clip", "y", "x", "low", "high").build()),
            scalar("low", -random.nextFloat()),
            scalar("high", random.nextFloat())),
        model(
            List.of(operator("Clip", "y", "x", "", "high").build()),
            scalar("high", random.nextFloat())),
        model(resize("nearest", "asymmetric", 2, 3)),
        model(resize("linear", "half_pixel", 2, 0.5f + random.nextFloat())),
        model(resize("linear", "align_corners", 1.5f, 2)),
        model(
            List.of(
                operator("Conv", "t", "x", "v").setName("conv").build(),
                operator("ConvTranspose", "y", "t", "w", "b")
                    .addAttribute(OnnxParts.integers("strides", List.of(2, 2)))
                    .addAttribute(OnnxParts.integers("pads", List.of(1, 0, 0, 1)))
                    .addAttribute(OnnxParts.integers("output_padding", List.of(1, 0)))
                    .build()),
            tensor("v", random, 4, 2, 3, 3),
            tensor("w", random, 4, 3, 3, 2),
            tensor("b", random, 3)));
  }

  private static NodeProto.Builder resizeNode(String mode, String coordinates) {
    return operator("Resize", "y", "x", "", "scales")
        .setName("op")
        .addAttribute(OnnxParts.text("mode", mode))
        .addAttribute(OnnxParts.text("coordinate_transformation_mode", coordinates))
        .addAttribute(OnnxParts.text("nearest_mode", "floor"));
  }

  private record Resized(NodeProto node, TensorProto scales) {}

  private static Resized resize(String mode, String coordinates, float rows, float columns) {
    return new Resized(
        resizeNode(mode, coordinates).build(), scales("scales", 1, 1, rows, columns));
  }

  private static TensorProto scales(String name, float... scales) {
    return TestTensors.reals(name, new int[] {scales.length}, scales);
  }

  private static byte[] model(Resized resized) {
    return model(List.of(resized.node()), resized.scales());
  }

  private static byte[] model(List<NodeProto> nodes, TensorProto... initializers) {
    return model(INPUT, nodes, initializers);
  }

  private static byte[] model(Shape input, List<NodeProto> nodes, TensorProto... initializers) {
    OnnxFile file = new OnnxFile("test");
    file.input("x", input);
    try {
      ModelProto model = ModelProto.parseFrom(file.bytes());
      GraphProto.Builder graph =
          model.getGraph().toBuilder()
              .addAllNode(nodes)
              .addAllInitializer(Arrays.asList(initializers));
      graph.addOutput(model.getGraph().getInput(0).toBuilder().setName("y"));
      graph.getOutputBuilder(0).getTypeBuilder().getTensorTypeBuilder().clearShape();
      return model.toBuilder().setGraph(graph).build().toByteArray();
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static NodeProto.Builder operator(String type, String output, String... inputs) {
    return NodeProto.newBuilder()
        .setOpType(type)
        .addAllInput(Arrays.asList(inputs))
        .addOutput(output);
  }

  private static TensorProto scalar(String name, float value) {
    return TestTensors.reals(name, new int[0], value);
  }

  private static TensorProto tensor(String name, Random random, int... dimensions) {
    return TestTensors.reals(name, dimensions, draw(random, dimensions));
  }

  private static float[] draw(Random random, int... dimensions) {
    float[] values = new float[Arrays.stream(dimensions).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  private static void assertRefused(byte[] content, String... fragments) {
    assertThatThrownBy(() -> OnnxImport.read(content))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(fragments);
  }

  /** Its quantized file says what it says. */
  private byte[] assertIntegersSay(byte[] model) throws Exception {
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 32);
    Observations seen = Calibrator.observe(graph, items);

    byte[] integers =
        QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX)));

    assertThat(outputs(integers, items).signalToNoise(outputs(model, items))).isGreaterThan(25);
    return integers;
  }

  private Outputs outputs(byte[] content, Samples items) throws Exception {
    return outputs(Engine.ONNXRUNTIME, content, items);
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
