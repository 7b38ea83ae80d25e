package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxFile;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
  void stayFloatBetweenIntegerLayers() throws Exception {
    for (byte[] model : models(7)) {
      Graph graph = OnnxImport.read(model);
      Samples items = Nets.randomItems(graph, 32);
      Observations seen = Calibrator.observe(graph, items);

      byte[] integers =
          QdqExport.write(
              Nets.quantized(graph, seen, Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX)));

      assertThat(outputs(integers, items).signalToNoise(outputs(model, items))).isGreaterThan(25);
    }
  }

  @Test
  void areRefusedByNameWhereTheFormatIsNotWritten() throws Exception {
    Graph graph = OnnxImport.read(model(resize("linear", "half_pixel", 2, 2)));

    assertThatThrownBy(() -> TfliteExport.write(graph))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("node 'op'", "ONNX Runtime");
  }

  @Test
  void zerosAroundAConvolutionsInputBecomeItsOwnPadding() {
    NodeProto conv = operator("Conv", "y", "t", "w").setName("conv").build();
    Graph graph =
        OnnxImport.read(
            model(
                List.of(operator("Pad", "t", "x", "pads").setName("pad").build(), conv),
                integers("pads", 0, 0, 1, 2, 0, 0, 0, 1),
                tensor("w", new Random(1), 3, 2, 3, 3)));

    assertThat(graph.nodes()).singleElement().extracting(Node::op).isInstanceOf(Op.Conv.class);
    Op.Conv joined = (Op.Conv) graph.nodes().getFirst().op();
    assertThat(joined.window().before()).containsExactly(1, 2);
    assertThat(joined.window().after()).containsExactly(0, 1);
  }

  @Test
  void refuseWhatTheyCannotDo() {
    NodeProto reflect =
        operator("Pad", "y", "x", "pads").addAttribute(text("mode", "reflect")).build();
    TensorProto around = integers("pads", 0, 0, 1, 1, 0, 0, 1, 1);

    assertRefused(model(List.of(reflect), around), "(Pad)", "mode 'reflect'");
    assertRefused(
        model(
            List.of(operator("Pad", "y", "x", "pads").build()),
            integers("pads", 1, 0, 0, 0, 0, 0, 0, 0)),
        "(Pad)",
        "batch");
    assertRefused(model(resize("cubic", "half_pixel", 2, 2)), "(Resize)", "mode 'cubic'");
    assertRefused(model(resize("linear", "half_pixel", 1e-9f, 2)), "(Resize)", "dimension 0");
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
            integers("pads", 0, 0, random.nextInt(3), 1, 0, 1, 2, random.nextInt(3)),
            scalar("value", 0.5f)),
        model(
            List.of(
                operator("Pad", "t", "x", "pads").setName("pad").build(),
                operator("Conv", "y", "t", "w").setName("conv").build()),
            integers("pads", 0, 0, random.nextInt(3), 1, 0, 0, 2, random.nextInt(3)),
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
                    .addAttribute(numbers("strides", 2, 2))
                    .addAttribute(numbers("pads", 1, 0, 0, 1))
                    .addAttribute(numbers("output_padding", 1, 0))
                    .build()),
            tensor("v", random, 4, 2, 3, 3),
            tensor("w", random, 4, 3, 3, 2),
            tensor("b", random, 3)));
  }

  private static NodeProto.Builder resizeNode(String mode, String coordinates) {
    return operator("Resize", "y", "x", "", "scales")
        .setName("op")
        .addAttribute(text("mode", mode))
        .addAttribute(text("coordinate_transformation_mode", coordinates))
        .addAttribute(text("nearest_mode", "floor"));
  }

  private record Resized(NodeProto node, TensorProto scales) {}

  private static Resized resize(String mode, String coordinates, float rows, float columns) {
    return new Resized(
        resizeNode(mode, coordinates).build(),
        TensorProto.newBuilder()
            .setName("scales")
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .addDims(4)
            .addAllFloatData(List.of(1f, 1f, rows, columns))
            .build());
  }

  private static byte[] model(Resized resized) {
    return model(List.of(resized.node()), resized.scales());
  }

  private static byte[] model(List<NodeProto> nodes, TensorProto... initializers) {
    OnnxFile file = new OnnxFile("test");
    file.input("x", INPUT);
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

  private static TensorProto integers(String name, long... values) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.INT64_VALUE)
        .addDims(values.length)
        .addAllInt64Data(Arrays.stream(values).boxed().toList())
        .build();
  }

  private static TensorProto scalar(String name, float value) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.FLOAT_VALUE)
        .addFloatData(value)
        .build();
  }

  private static TensorProto tensor(String name, Random random, int... dimensions) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(TensorProto.DataType.FLOAT_VALUE);
    for (int dimension : dimensions) {
      tensor.addDims(dimension);
    }
    for (float value : draw(random, dimensions)) {
      tensor.addFloatData(value);
    }
    return tensor.build();
  }

  private static float[] draw(Random random, int... dimensions) {
    float[] values = new float[Arrays.stream(dimensions).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  private static AttributeProto text(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.STRING)
        .setS(com.google.protobuf.ByteString.copyFromUtf8(value))
        .build();
  }

  private static AttributeProto numbers(String name, long... values) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INTS)
        .addAllInts(Arrays.stream(values).boxed().toList())
        .build();
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
