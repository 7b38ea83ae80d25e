package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;

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
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every operator that is written, between two convolutions or dense layers, as floats and as
 * integers: it says what ONNX Runtime says of it, and XNNPACK takes it over whole, but for the
 * exceptions that are listed here and in the README.
 */
class OperatorsTest {
  private static final double FLOAT_TOLERANCE = 1e-5;
  private static final double SIGNAL_TO_NOISE_MIN = 25;

  /** What XNNPACK takes in neither form, by the operators that it leaves. */
  private static final Map<String, String> LEFT =
      Map.of(
          "Pad of channels", "PADV2",
          "Slice of channels with steps", "STRIDED_SLICE",
          "Slice with steps that do not fill", "STRIDED_SLICE",
          "Resize nearest by a fraction", "RESIZE_NEAREST_NEIGHBOR",
          "MaxPool that skips", "MAX_POOL_2D",
          "AveragePool that skips", "AVERAGE_POOL_2D");

  /** What it leaves of integers, where that is something else. */
  private static final Map<String, String> LEFT_OF_INTEGERS =
      Map.of(
          "Clip above 0",
          "MAXIMUM",
          "Softmax of few scores at many places",
          "SOFTMAX",
          "AveragePool that skips",
          "");

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  /** A net's operator, and how it is called. */
  private record Row(String name, Graph graph) {}

  @Test
  void areTakenOverAndSayWhatOnnxRuntimeSays() throws Exception {
    List<String> wrong = new ArrayList<>();
    for (Row row : rows()) {
      Samples items = Nets.randomItems(row.graph(), 24);
      Observations seen = Calibrator.observe(row.graph(), items);
      Outputs said = outputs(Engine.ONNXRUNTIME, OnnxExport.write(row.graph()), items);
      byte[] floats = TfliteExport.write(row.graph());
      byte[] integers =
          TfliteExport.write(
              Nets.quantized(row.graph(), seen, Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));
      double off =
          outputs(Engine.TFLITE, floats, items).largestDifference(said)
              / Math.max(1, said.largestMagnitude());
      double near = outputs(Engine.TFLITE, integers, items).signalToNoise(said);
      String left = LEFT.getOrDefault(row.name(), "");
      String leftOfIntegers = LEFT_OF_INTEGERS.getOrDefault(row.name(), left);
      if (off > FLOAT_TOLERANCE
          || near < SIGNAL_TO_NOISE_MIN
          || !undelegated(floats).equals(left)
          || !undelegated(integers).equals(leftOfIntegers)) {
        wrong.add(
            "%s: %.1e off, %.1f dB, left of floats [%s], of integers [%s]"
                .formatted(row.name(), off, near, undelegated(floats), undelegated(integers)));
      }
    }

    assertThat(wrong).isEmpty();
  }

  @Test
  void areAllHere() {
    List<Op> written =
        rows().stream().flatMap(r -> r.graph().nodes().stream()).map(Node::op).toList();

    assertThat(written.stream().map(Object::getClass).collect(Collectors.toSet()))
        .containsExactlyInAnyOrder(Op.class.getPermittedSubclasses());
    assertThat(written)
        .extracting(op -> op instanceof Op.Binary(Op.Binary.Kind kind) ? kind : null)
        .contains(Op.Binary.Kind.values());
    assertThat(written)
        .extracting(op -> op instanceof Op.Function f ? f.kind() : null)
        .contains(
            Arrays.stream(Op.Function.Kind.values())
                .filter(kind -> kind != Op.Function.Kind.ERF)
                .toArray(Op.Function.Kind[]::new));
    assertThat(rows())
        .extracting(Row::name)
        .containsAll(LEFT.keySet())
        .containsAll(LEFT_OF_INTEGERS.keySet())
        .doesNotHaveDuplicates();
  }

  private static List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    Map<String, UnaryOperator<Nets>> ofMaps = new LinkedHashMap<>();
    for (Activation activation : List.of(Activation.RELU, Activation.RELU6)) {
      ofMaps.put("Conv, " + activation, net -> net.conv(6, activation, 3, 3));
      ofMaps.put("Conv, depthwise, " + activation, net -> net.depthwise(activation, 3, 3));
      ofMaps.put("Activate " + activation, net -> net.add(new Op.Activate(activation)));
    }
    ofMaps.put("Conv in groups", net -> net.grouped(4, 2, Activation.NONE, 3, 3));
    ofMaps.put("ConvTranspose", net -> net.up(4, square(2, 2, 0)));
    ofMaps.put("ConvTranspose with margins", net -> net.up(4, square(3, 2, 1)));
    for (Op.Binary.Kind kind : Op.Binary.Kind.values()) {
      if (kind != Op.Binary.Kind.DIV) {
        ofMaps.put(
            "Binary %s of a constant per channel".formatted(kind),
            net -> net.binary(kind, net.random(1, 1, 4, 1, 1)));
        ofMaps.put(
            "Binary %s of a number".formatted(kind),
            net -> net.binary(kind, Constant.of(Shape.of(1), 0.7f)));
      }
      ofMaps.put("Binary %s of two".formatted(kind), net -> ofTwo(net, kind));
    }
    for (Op.Function.Kind kind : Op.Function.Kind.values()) {
      if (kind != Op.Function.Kind.ERF) {
        ofMaps.put(
            "Function " + kind,
            net ->
                (kind == Op.Function.Kind.SQRT ? net.add(new Op.Activate(Activation.RELU)) : net)
                    .add(new Op.Function(kind, 0.2f)));
      }
    }
    ofMaps.put("Sigmoid", net -> net.add(new Op.Sigmoid()));
    ofMaps.put("Clip", net -> net.add(new Op.Clip(-0.3f, 0.5f)));
    ofMaps.put("Clip to one", net -> net.add(new Op.Clip(-1, 1)));
    ofMaps.put("Clip above 0", net -> net.add(new Op.Clip(0.2f, 0.8f)));
    ofMaps.put("ParametricRelu", net -> slopes(net));
    ofMaps.put("MaxPool", net -> net.halved());
    ofMaps.put("MaxPool with margins", net -> net.add(new Op.MaxPool(square(3, 2, 1))));
    ofMaps.put("AveragePool", net -> net.add(new Op.AveragePool(square(2, 2, 0), false)));
    ofMaps.put(
        "AveragePool that counts", net -> net.add(new Op.AveragePool(square(3, 2, 1), true)));
    ofMaps.put(
        "AveragePool with margins", net -> net.add(new Op.AveragePool(square(3, 2, 1), false)));
    ofMaps.put("AveragePool, same", net -> net.add(new Op.AveragePool(square(3, 1, 1), false)));
    ofMaps.put("MaxPool of points", net -> net.add(new Op.MaxPool(square(1, 2, 0))));
    ofMaps.put("AveragePool of points", net -> net.add(new Op.AveragePool(square(1, 3, 0), true)));
    ofMaps.put("MaxPool that skips", net -> net.add(new Op.MaxPool(square(2, 3, 0))));
    ofMaps.put(
        "AveragePool that skips", net -> net.add(new Op.AveragePool(square(2, 3, 0), false)));
    ofMaps.put("GlobalAveragePool", net -> net.add(new Op.GlobalAveragePool()));
    ofMaps.put("Mean of channels", net -> net.add(new Op.Mean(List.of(1))));
    ofMaps.put("Mean of rows", net -> net.add(new Op.Mean(List.of(2))));
    ofMaps.put("Concat", net -> net.concat(net.last()));
    ofMaps.put("Concat of rows", net -> net.add(new Op.Concat(2), net.last(), net.last()));
    ofMaps.put("Pad", net -> net.add(pad(0, 1, 0)));
    ofMaps.put("Pad of a value", net -> net.add(pad(0, 1, 0.5f)));
    ofMaps.put("Pad of channels", net -> net.add(pad(1, 1, 0.5f)));
    ofMaps.put("Slice", net -> net.add(slice(1, 2, 1)));
    ofMaps.put("Slice with steps", net -> net.add(slice(0, 2, 2)));
    ofMaps.put(
        "Slice of channels with steps",
        net -> net.add(new Op.Slice(List.of(0, 0, 0), List.of(2, 6, 6), List.of(2, 1, 1))));
    ofMaps.put("Slice with steps that do not fill", net -> net.add(slice(2, 2, 2)));
    ofMaps.put("Resize nearest", net -> net.enlarged(2));
    ofMaps.put(
        "Resize nearest by a fraction",
        net ->
            net.add(new Op.Resize("nearest", "asymmetric", "floor", List.of(1f, 1f, 1.5f, 1.5f))));
    ofMaps.put(
        "Resize linear",
        net -> net.add(new Op.Resize("linear", "half_pixel", "floor", List.of(1f, 1f, 2f, 2f))));
    ofMaps.put("Reshape and Transpose", net -> turned(net));
    ofMaps.put("Softmax of few scores at many places", OperatorsTest::shares);
    ofMaps.put("Softmax at many places", net -> shares(net.conv(8, Activation.NONE, 1, 1)));
    ofMaps.forEach((name, op) -> rows.add(new Row(name, ofMaps(op))));
    rows.add(new Row("Dense", dense(net -> net.dense(5, Activation.RELU))));
    rows.add(new Row("Softmax", dense(net -> net.add(new Op.Softmax()))));
    rows.add(new Row("LayerNormalization", dense(OperatorsTest::normalised)));
    rows.add(new Row("MatMul", dense(OperatorsTest::product)));
    return rows;
  }

  private static Graph ofMaps(UnaryOperator<Nets> op) {
    Nets net = new Nets(11, "x", Shape.BATCH, 3, 6, 6).conv(4, Activation.NONE, 3, 3);
    return op.apply(net).conv(3, Activation.NONE, 1, 1).graph("y");
  }

  private static Graph dense(UnaryOperator<Nets> op) {
    Nets net = new Nets(12, "x", Shape.BATCH, 9).dense(6, Activation.NONE);
    return op.apply(net).dense(3, Activation.NONE).graph("y");
  }

  private static Nets ofTwo(Nets net, Op.Binary.Kind kind) {
    String left = net.last();
    net.conv(4, Activation.NONE, 1, 1);
    if (kind == Op.Binary.Kind.DIV) {
      net.add(new Op.Sigmoid()).binary(Op.Binary.Kind.ADD, Constant.of(Shape.of(1), 1));
    }
    return net.add(new Op.Binary(kind), left, net.last());
  }

  private static Nets slopes(Nets net) {
    return net.withConstant(new Op.ParametricRelu(), net.random(0.3, 4, 1, 1));
  }

  /** Of channels at each place. */
  private static Nets shares(Nets net) {
    return net.add(new Op.Transpose(List.of(0, 2, 3, 1)))
        .add(new Op.Softmax())
        .add(new Op.Transpose(List.of(0, 3, 1, 2)));
  }

  private static Nets normalised(Nets net) {
    return net.withConstant(new Op.LayerNormalization(0.01f), net.random(1, 6), net.random(0.3, 6));
  }

  private static Nets product(Nets net) {
    net.add(new Op.Reshape(Shape.of(Shape.BATCH, 2, 3)));
    String left = net.last();
    net.add(new Op.Transpose(List.of(0, 2, 1)));
    return net.add(new Op.MatMul(), left, net.last()).flatten();
  }

  private static Nets turned(Nets net) {
    return net.add(new Op.Reshape(Shape.of(Shape.BATCH, 6, 4, 6)))
        .add(new Op.Transpose(List.of(0, 2, 1, 3)));
  }

  private static Op pad(int channels, int rows, float value) {
    return new Op.Pad(List.of(0, channels, rows, 0), List.of(0, 0, 1, 2), value);
  }

  /** Of rows and columns, whole or a third of them. */
  private static Op slice(int begin, int size, int step) {
    int wanted = step == 1 || begin > 0 ? size : 6 / step;
    return new Op.Slice(List.of(0, begin, 0), List.of(4, wanted, wanted), List.of(1, step, step));
  }

  private static Window square(int kernel, int stride, int margin) {
    List<Integer> margins = List.of(margin, margin);
    return new Window(
        List.of(kernel, kernel), List.of(stride, stride), List.of(1, 1), margins, margins);
  }

  private String undelegated(byte[] content) throws Exception {
    Path file = Files.write(folder.resolve("delegated.tflite"), content);
    return Delegation.undelegated(file).stream()
        .map(left -> left.replaceAll(".* \\((\\w+)\\)", "$1"))
        .collect(Collectors.joining(", "));
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
