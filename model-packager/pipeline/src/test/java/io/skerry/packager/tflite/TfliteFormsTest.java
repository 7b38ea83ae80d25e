package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.GraphBuilder;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorCodeT;

/** Operators that the format says in another way: XNNPACK takes over all that they become. */
class TfliteFormsTest {
  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void groupsOfChannelsAreOneConvolution() throws Exception {
    for (int groups : new int[] {2, 3, 6}) {
      Nets net = new Nets(groups, "x", Shape.BATCH, 12, 7, 6).conv(12, Activation.RELU, 3, 3);
      net.grouped(24, groups, Activation.NONE, 3, 3).grouped(12, groups, Activation.RELU6, 1, 1);
      assertSays(net.graph("y"), 30);
      Nets flat = new Nets(groups, "x", Shape.BATCH, 12, 9).conv(12, Activation.RELU, 3);
      assertSays(flat.grouped(24, groups, Activation.NONE, 3).graph("y"), 30);
    }
  }

  /** As TensorFlow's converter writes it: an older engine has no kernel for groups. */
  @Test
  void groupsNameTheVersionThatHasThem() {
    Nets net = new Nets(2, "x", Shape.BATCH, 12, 7, 6).conv(12, Activation.RELU, 3, 3);
    Graph graph = net.grouped(24, 2, Activation.NONE, 3, 3).graph("y");
    QuantizedGraph quantized =
        Nets.quantized(
            graph,
            Calibrator.observe(graph, Nets.randomItems(graph, 8)),
            Scheme.SIGNED,
            Options.of(Clipping.MIN_MAX));

    assertThat(convolutions(TfliteExport.write(graph))).containsExactly(1, 6);
    assertThat(convolutions(TfliteExport.write(quantized))).containsExactly(3, 6);
  }

  private static List<Integer> convolutions(byte[] content) {
    return Arrays.stream(ModelT.deserializeFromBinary(content).getOperatorCodes())
        .filter(code -> code.getBuiltinCode() == BuiltinOperator.CONV_2D)
        .map(OperatorCodeT::getVersion)
        .sorted()
        .toList();
  }

  @Test
  void boundsThatNoLayerTakesAreDelegated() throws Exception {
    for (Activation activation : List.of(Activation.RELU, Activation.RELU6)) {
      Nets net = new Nets(3, "x", Shape.BATCH, 4, 6, 6).conv(8, Activation.NONE, 3, 3);
      String raw = net.last();
      net.add(new Op.Activate(activation)).conv(8, Activation.NONE, 3, 3);
      assertSays(net.residual(raw, Activation.NONE).graph("y"), 28);
      Nets pooled = new Nets(4, "x", Shape.BATCH, 4, 6, 6).conv(8, Activation.NONE, 3, 3);
      pooled.add(new Op.GlobalAveragePool()).add(new Op.Activate(activation));
      assertSays(pooled.conv(4, Activation.NONE, 1, 1).graph("y"), 25);
    }
  }

  /** Whatever lies around a feature map wins no maximum and takes no part in a mean. */
  @Test
  void marginsOfPoolsArePutAround() throws Exception {
    for (List<Integer> pads :
        List.of(List.of(1, 1, 1, 1), List.of(0, 1, 1, 0), List.of(1, 0, 0, 2))) {
      Window window = window(pads);
      for (Op pool :
          List.of(
              new Op.MaxPool(window),
              new Op.AveragePool(window, true),
              new Op.AveragePool(window, false))) {
        Nets net = new Nets(5, "x", Shape.BATCH, 4, 8, 8).conv(8, Activation.RELU, 3, 3);
        assertSays(net.add(pool).conv(4, Activation.NONE, 1, 1).graph("y"), 25);
      }
    }
  }

  @Test
  void nothingIsLessThanTheMarginOfAMaximum() throws Exception {
    Window window = window(List.of(1, 1, 1, 1));
    Nets net = new Nets(6, "x", Shape.BATCH, 4, 8, 8).conv(8, Activation.NONE, 3, 3);
    Graph below =
        net.binary(Op.Binary.Kind.SUB, Constant.of(Shape.of(1), 9))
            .add(new Op.MaxPool(window))
            .graph("y");
    Nets flat = new Nets(6, "x", Shape.BATCH, 4, 9).conv(8, Activation.NONE, 3);
    Window along = new Window(List.of(3), List.of(2), List.of(1), List.of(1), List.of(2));

    assertSays(below, 25);
    assertSays(flat.add(new Op.MaxPool(along)).graph("y"), 25);
    Nets mean = new Nets(6, "x", Shape.BATCH, 4, 9).conv(8, Activation.NONE, 3);
    assertSays(mean.add(new Op.AveragePool(along, false)).graph("y"), 25);
  }

  /** Eleven end the process: neither this nor the one that packages is to be ended. */
  @Test
  void refusesMoreIntegersInPlaceThanTheEngineSurvives() throws Exception {
    Graph most = chain(8);
    Graph more = chain(9);

    assertSays(most, 25);
    assertThatThrownBy(
            () ->
                TfliteExport.write(
                    Nets.quantized(
                        more,
                        Calibrator.observe(more, Nets.randomItems(more, 8)),
                        Scheme.SIGNED,
                        Options.of(Clipping.MIN_MAX))))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("node 'node", "more than 8 integer operators", "floats");
  }

  /** A pruned output's bias is in steps of its weights, of which there are none. */
  @Test
  void outputsWithoutWeightsKeepTheirBias() throws Exception {
    float[] bytes = new float[32 * 8];
    Random random = new Random(3);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = random.nextInt(256);
    }
    Samples items = Samples.of("bytes", NpyArray.ofFloats(bytes, 32, 8), 8);
    List<String> operands = List.of("x", "w", "b");
    GraphBuilder dense = pruned(Shape.of(Shape.BATCH, 8), Shape.of(2, 8), 8);
    dense.node("dense", new Op.Dense(), Activation.NONE, "y", operands);
    GraphBuilder up = pruned(Shape.of(Shape.BATCH, 2, 2, 2), Shape.of(2, 2, 2, 2), 4);
    List<Integer> none = List.of(0, 0);
    Window window = new Window(List.of(2, 2), List.of(2, 2), List.of(1, 1), none, none);
    up.node("up", new Op.ConvTranspose(window, none, 1), Activation.NONE, "y", operands);

    for (Graph graph : List.of(dense.build(List.of("y")), up.build(List.of("y")))) {
      Observations seen = Calibrator.observe(graph, items);
      Options options = Options.of(Clipping.MIN_MAX);
      byte[] onnx = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options));
      byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));
      for (Outputs said :
          List.of(
              outputs(Engine.ONNXRUNTIME, onnx, items), outputs(Engine.TFLITE, tflite, items))) {
        for (int item = 0; item < said.items(); item++) {
          assertThat(said.at(item, said.perItem() - 1)).isCloseTo(0.4f, within(0.02f));
        }
      }
    }
  }

  /** A graph's weights, of which every second part of so many is 0, and a bias. */
  private static GraphBuilder pruned(Shape input, Shape weights, int part) {
    GraphBuilder graph = new GraphBuilder("pruned", "x", input);
    float[] values = new float[weights.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / part % 2 == 0 ? 0.0005f * (1 + i % 3) : 0;
    }
    graph.constant("w", Constant.of(weights, values));
    graph.constant("b", Constant.of(Shape.of(2), 0, 0.4f));
    return graph;
  }

  private static Graph chain(int length) {
    Nets net = new Nets(7, "x", Shape.BATCH, 3, 6, 6).conv(4, Activation.NONE, 3, 3);
    for (int i = 0; i < length; i++) {
      net.add(new Op.Function(Op.Function.Kind.LEAKY_RELU, 0.9f));
    }
    return net.conv(3, Activation.NONE, 1, 1).graph("y");
  }

  private static Window window(List<Integer> pads) {
    return new Window(
        List.of(3, 3), List.of(2, 2), List.of(1, 1), pads.subList(0, 2), pads.subList(2, 4));
  }

  private void assertSays(Graph graph, double signalToNoise, String... undelegated)
      throws Exception {
    Samples items = Nets.randomItems(graph, 16);
    Outputs said = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), items);
    Observations seen = Calibrator.observe(graph, items);
    byte[] floats = TfliteExport.write(graph);
    byte[] again = OnnxExport.write(TfliteImport.read(floats));
    byte[] integers =
        TfliteExport.write(
            Nets.quantized(graph, seen, Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));

    double tolerance = 1e-5 * Math.max(1, said.largestMagnitude());
    assertThat(outputs(Engine.TFLITE, floats, items).largestDifference(said)).isLessThan(tolerance);
    assertThat(outputs(Engine.ONNXRUNTIME, again, items).largestDifference(said))
        .isLessThan(tolerance);
    assertThat(outputs(Engine.TFLITE, integers, items).signalToNoise(said))
        .isGreaterThan(signalToNoise);
    for (byte[] content : List.of(floats, integers)) {
      Path file = Files.write(folder.resolve("delegated.tflite"), content);
      assertThat(Delegation.undelegated(file))
          .map(left -> left.replaceAll(".* \\((\\w+)\\)", "$1"))
          .containsExactly(undelegated);
    }
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
