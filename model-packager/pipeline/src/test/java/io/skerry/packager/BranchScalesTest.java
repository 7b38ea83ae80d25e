package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
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
import io.skerry.packager.tflite.TfliteModel;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.onnx.ModelProto;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.SubGraph;

/** Tensors that several operators want at different scales, as in the necks of detectors. */
class BranchScalesTest {
  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void ofAPyramidThatGoesDownTwoLevels() throws Exception {
    Nets net = backbone(1);
    Levels levels = levels(net);
    String lowest = net.enlarged(2).last();
    net.from(levels.coarse()).enlarged(4).concat(lowest, levels.fine());
    net.conv(8, Activation.RELU, 3, 3).halved().concat(levels.lower());

    assertIntegers(scored(net));
  }

  @Test
  void ofAPyramidThatGoesDownAndUp() throws Exception {
    Nets net = backbone(2);
    Levels levels = levels(net);
    net.enlarged(2).concat(levels.fine()).conv(6, Activation.NONE, 3, 3);
    net.halved().concat(levels.lower()).conv(8, Activation.RELU, 3, 3);
    net.halved().concat(levels.coarse());

    assertIntegers(scored(net));
  }

  @Test
  void ofATensorThatIsPutTogetherWithTwoOthers() throws Exception {
    Nets net = backbone(3);
    String shared = net.last();
    String wide = net.binary(Op.Binary.Kind.MUL, net.random(20, 8, 1, 1)).last();
    String narrow = net.from(shared).conv(4, Activation.RELU6, 1, 1).last();
    String first = net.from(shared).concat(wide).conv(4, Activation.NONE, 1, 1).last();
    net.from(shared).concat(narrow).conv(4, Activation.NONE, 1, 1).concat(first);

    assertIntegers(scored(net));
  }

  @Test
  void ofAScoreThatIsPutTogetherWithWiderOnes() throws Exception {
    Nets net = backbone(4);
    String features = net.last();
    net.conv(8, Activation.NONE, 1, 1).add(new Op.Sigmoid()).halved().enlarged(2);

    assertIntegers(scored(net.concat(features)));
  }

  @Test
  void ofATensorThatTheModelSaysToo() throws Exception {
    Nets net = backbone(5);
    String shared = net.last();
    net.enlarged(2).halved().concat(shared).binary(Op.Binary.Kind.MUL, net.random(5, 16, 1, 1));
    Graph graph = scored(net.concat(shared));

    assertIntegers(
        new Graph(
            graph.name(),
            graph.input(),
            List.of("y", shared),
            graph.nodes(),
            graph.constants(),
            graph.shapes()));
  }

  @Test
  void ofATensorThatIsReadWithinBoundsAndWithout() throws Exception {
    Nets net = backbone(6);
    String shared = net.last();
    String bounded = net.add(new Op.Clip(-0.3f, 0.4f)).conv(4, Activation.NONE, 3, 3).last();

    assertIntegers(scored(net.from(shared).conv(4, Activation.RELU, 1, 1).concat(bounded)));
  }

  @Test
  void ofABoundThatIsPutTogetherWithWiderOnes() throws Exception {
    Nets net = backbone(7);
    String features = net.last();
    net.conv(8, Activation.NONE, 1, 1).add(new Op.Clip(-0.5f, 0.5f)).halved().enlarged(2);

    assertIntegers(scored(net.concat(features)));
  }

  @Test
  void ofABoundAboveZero() throws Exception {
    assertIntegers(scored(backbone(8).add(new Op.Clip(0.2f, 0.8f))), "MAXIMUM");
  }

  @Test
  void ofBoundsThatTheModelSays() throws Exception {
    Nets net = new Nets(9, "x", Shape.BATCH, 3, 6, 6);
    net.conv(8, Activation.NONE, 3, 3).add(new Op.Clip(-1, 1)).flatten();
    net.dense(6, Activation.NONE).add(new Op.Clip(-2, 2)).dense(4, Activation.NONE);

    assertIntegers(net.add(new Op.Clip(-1, 1)).graph("y"));
  }

  @Test
  void ofAValueAroundThatLiesOutside() throws Exception {
    Nets net = backbone(10);
    String shared = net.last();
    List<Integer> before = List.of(0, 0, 1, 2);
    List<Integer> after = List.of(0, 0, 1, 0);
    String around = net.add(new Op.Pad(before, after, -9)).conv(4, Activation.NONE, 3, 3).last();
    net.from(shared).conv(8, Activation.NONE, 1, 1).add(new Op.Pad(before, after, 8));

    assertIntegers(scored(net.concat(around)));
  }

  @Test
  void ofATransposedConvolutionThatIsRectified() throws Exception {
    Window window =
        new Window(List.of(4, 4), List.of(2, 2), List.of(1, 1), List.of(1, 1), List.of(1, 1));
    Nets net = backbone(11).halved();

    assertIntegers(scored(net.up(6, window).add(new Op.Activate(Activation.RELU))));
  }

  @Test
  void ofAValueAroundWithinBounds() throws Exception {
    List<Integer> one = List.of(0, 0, 1, 1);
    Nets net = backbone(12);
    String shared = net.last();
    net.add(new Op.Pad(one, one, 3)).add(new Op.Activate(Activation.RELU));
    String rectified = net.conv(4, Activation.NONE, 3, 3).last();
    net.from(shared).add(new Op.Pad(one, one, 3)).add(new Op.Clip(-0.5f, 0.5f));
    String bounded = net.conv(4, Activation.NONE, 3, 3).last();
    net.from(shared).conv(4, Activation.NONE, 1, 1).add(new Op.Pad(one, one, 0));

    assertIntegers(scored(net.concat(rectified, bounded)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void ofARectifiedTensorThatIsPutTogetherWithWiderOnes(int depth) throws Exception {
    Nets net = backbone(13);
    for (int i = 0; i < depth; i++) {
      net.conv(8, Activation.RELU, 3, 3);
    }
    String wide = net.conv(8, Activation.NONE, 3, 3).last();
    net.conv(8, Activation.NONE, 3, 3).add(new Op.Activate(Activation.RELU6));
    String rectified = net.last();
    String read = net.conv(4, Activation.NONE, 1, 1).last();

    assertIntegers(scored(net.from(wide).concat(rectified, read)));
  }

  @Test
  void ofACappedTensorThatIsPutTogetherWithLargerOnes() throws Exception {
    Nets net = backbone(14);
    String large = net.conv(8, Activation.RELU, 3, 3).last();
    net.binary(Op.Binary.Kind.MUL, net.random(20, 8, 1, 1)).conv(8, Activation.RELU6, 3, 3);
    String capped = net.last();
    net.from(large).binary(Op.Binary.Kind.MUL, net.random(20, 8, 1, 1));
    net.add(new Op.Activate(Activation.RELU)).concat(capped);

    assertIntegers(scored(net));
  }

  /** What is picked from a tensor, or averaged over it, has a smaller range than it. */
  @Test
  void ofATensorOfWhichAPartIsPutTogether() throws Exception {
    Op.Slice part = new Op.Slice(List.of(0, 6, 6), List.of(8, 2, 2), List.of(1, 1, 1));
    Window window =
        new Window(List.of(8, 8), List.of(8, 8), List.of(1, 1), List.of(0, 0), List.of(0, 0));
    for (Op op : List.of(part, new Op.AveragePool(window, false))) {
      Nets net = backbone(18);
      String shared = net.last();
      String picked = net.add(op).last();
      String rest =
          net.from(shared).conv(4, Activation.NONE, 3, 3).halved().halved().halved().last();
      net.from(picked).concat(picked).conv(4, Activation.RELU, 1, 1).concat(rest);

      assertIntegers(scored(net));
    }
  }

  @Test
  void ofABoundThatEndsTheModel() throws Exception {
    for (Op.Clip bound : List.of(new Op.Clip(-0.4f, 0.5f), new Op.Clip(0.1f, 0.6f))) {
      boolean inside = bound.minimum() > 0;
      Graph conv = backbone(16).conv(3, Activation.NONE, 1, 1).add(bound).graph("y");
      Graph dense = backbone(17).flatten().dense(4, Activation.NONE).add(bound).graph("y");

      assertIntegers(conv, inside ? new String[] {"MAXIMUM"} : new String[0]);
      assertIntegers(dense);
      assertThat(operators(tflite(conv)))
          .doesNotContain(BuiltinOperator.MINIMUM)
          .filteredOn(operator -> operator == BuiltinOperator.MAXIMUM)
          .hasSize(inside ? 1 : 0);
      assertThat(clipped(conv))
          .isEqualTo(inside ? List.of(conv.nodes().get(1).output() + "_quantized") : List.of());
      // A dense layer's integers are summed up to floats, which are better not rounded before.
      assertThat(clipped(dense)).containsExactly(dense.nodes().get(2).output());
    }
  }

  /** Steps of a 256th, which TFLite's softmax has, say nothing of hundreds of scores. */
  @Test
  void ofASoftmaxOverManyScores() throws Exception {
    Nets net = backbone(19).add(new Op.GlobalAveragePool()).flatten();
    net.dense(576, Activation.NONE).add(new Op.Softmax());
    net.binary(Op.Binary.Kind.MUL, Constant.of(Shape.of(1), 576));

    assertNear(net.dense(5, Activation.NONE).graph("y"), Set.of());
  }

  /** ONNX Runtime's integer softmax overflows where its steps are smaller than scores need. */
  @Test
  void ofASoftmaxOverScoresThatAreAlike() throws Exception {
    Nets net = backbone(20).add(new Op.GlobalAveragePool()).flatten();
    net.binary(Op.Binary.Kind.MUL, Constant.of(Shape.of(1), 0.1f)).add(new Op.Softmax());
    net.binary(Op.Binary.Kind.MUL, net.random(20, 8));
    Graph graph = net.dense(5, Activation.NONE).graph("y");

    assertNear(graph, Set.of());
    assertNear(graph, Set.of("node4"));
  }

  @Test
  void ofASoftmaxOverOneScore() throws Exception {
    Nets net = backbone(21).add(new Op.GlobalAveragePool()).flatten();
    String features = net.last();
    net.add(new Op.Reshape(Shape.of(Shape.BATCH, 8, 1))).add(new Op.Softmax()).flatten();

    assertNear(
        net.residual(features, Activation.NONE).dense(5, Activation.NONE).graph("y"), Set.of());
  }

  /** Both formats say what the floats say, whatever stays float. */
  private void assertNear(Graph graph, Set<String> floatNodes) throws Exception {
    Samples items = Nets.randomItems(graph, 32);
    Observations seen = Calibrator.observe(graph, items);
    Outputs floats = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), items);
    Options options = Options.of(Clipping.MIN_MAX).with(floatNodes);

    byte[] onnx = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options));
    byte[] signed = QdqExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));
    byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));

    assertThat(outputs(Engine.ONNXRUNTIME, onnx, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(Engine.ONNXRUNTIME, signed, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(Engine.TFLITE, tflite, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(Engine.ONNXRUNTIME, readAgain(tflite), items).signalToNoise(floats))
        .isGreaterThan(25);
  }

  /** What the Clip nodes of a graph's integer ONNX file read. */
  private static List<String> clipped(Graph graph) throws Exception {
    return ModelProto.parseFrom(onnx(graph)).getGraph().getNodeList().stream()
        .filter(node -> node.getOpType().equals("Clip"))
        .map(node -> node.getInput(0))
        .toList();
  }

  private static byte[] onnx(Graph graph) {
    return QdqExport.write(quantized(graph, Scheme.UNSIGNED));
  }

  private static byte[] tflite(Graph graph) {
    return TfliteExport.write(quantized(graph, Scheme.SIGNED));
  }

  private static QuantizedGraph quantized(Graph graph, Scheme scheme) {
    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 32));
    return Nets.quantized(graph, seen, scheme, Options.of(Clipping.MIN_MAX));
  }

  /** Whatever branches, bounds and changes of size come together. */
  @Test
  void ofRandomBranches() throws Exception {
    for (long seed = 1; seed <= 50; seed++) {
      Graph graph = randomBranches(seed);
      Samples items = Nets.randomItems(graph, 32);
      Observations seen = Calibrator.observe(graph, items);
      Outputs floats = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), items);
      Options options = Options.of(Clipping.MIN_MAX);

      byte[] onnx = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options));
      byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));

      String which = "seed " + seed;
      assertThat(unfused(onnx)).as(which).isEmpty();
      assertThat(outputs(Engine.ONNXRUNTIME, onnx, items).signalToNoise(floats))
          .as(which)
          .isGreaterThan(25);
      assertThat(outputs(Engine.TFLITE, tflite, items).signalToNoise(floats))
          .as(which)
          .isGreaterThan(25);
      assertThat(outputs(Engine.ONNXRUNTIME, readAgain(tflite), items).signalToNoise(floats))
          .as(which)
          .isGreaterThan(25);
    }
  }

  private static byte[] readAgain(byte[] tflite) {
    TfliteModel again = TfliteImport.readAny(tflite);
    return QdqExport.write(again.scales().quantized(again.graph(), Scheme.UNSIGNED));
  }

  /** A tensor of a random graph: maps of this many channels and pixels a side. */
  private record Maps(String name, int channels, int side) {}

  private static Graph randomBranches(long seed) {
    Random random = new Random(seed);
    Nets net = backbone(seed);
    List<Maps> all = new ArrayList<>(List.of(new Maps(net.last(), 8, 16)));
    Set<Maps> unread = new LinkedHashSet<>(all);
    List<Activation> activations = List.of(Activation.NONE, Activation.RELU, Activation.RELU6);
    for (int i = 0; i < 12; i++) {
      Maps from = random.nextInt(3) > 0 ? all.getLast() : all.get(random.nextInt(all.size()));
      List<Maps> beside =
          all.stream().filter(one -> one.side == from.side && !one.equals(from)).toList();
      Maps other = beside.isEmpty() ? from : beside.get(random.nextInt(beside.size()));
      int channels = from.channels;
      int side = from.side;
      net.from(from.name);
      switch (random.nextInt(8)) {
        case 0 -> {
          channels = 6;
          net.conv(channels, activations.get(random.nextInt(3)), 3, 3);
        }
        case 1 ->
            net.add(new Op.Activate(random.nextBoolean() ? Activation.RELU : Activation.RELU6));
        case 2 -> net.add(new Op.Clip(-random.nextFloat() - 0.2f, random.nextFloat() + 0.2f));
        case 3 -> {
          List<Integer> one = List.of(0, 0, 1, 1);
          net.add(new Op.Pad(one, one, new float[] {0, 3, -2}[random.nextInt(3)]));
          side += 2;
        }
        case 4 -> {
          side -= 2;
          List<Integer> size = List.of(channels, side, side);
          net.add(new Op.Slice(List.of(0, 1, 1), size, List.of(1, 1, 1)));
        }
        case 5 -> {
          net.add(
              random.nextBoolean() ? new Op.Sigmoid() : new Op.Function(Op.Function.Kind.TANH, 0));
        }
        default -> {
          if (random.nextInt(3) == 0 && other.channels == channels) {
            net.residual(other.name, random.nextBoolean() ? Activation.RELU : Activation.NONE);
          } else {
            net.concat(other.name);
            channels += other.channels;
          }
          unread.remove(other);
        }
      }
      unread.remove(from);
      Maps made = new Maps(net.last(), channels, side);
      all.add(made);
      unread.add(made);
    }
    List<String> ends = new ArrayList<>();
    for (Maps end : unread) {
      ends.add(net.from(end.name).add(new Op.GlobalAveragePool()).last());
    }
    String last = ends.removeLast();
    net.from(last);
    if (!ends.isEmpty()) {
      net.concat(ends.toArray(String[]::new));
    }
    return net.flatten().dense(5, Activation.NONE).graph("y");
  }

  private static Nets backbone(long seed) {
    Nets net = new Nets(seed, "x", Shape.BATCH, 3, 16, 16);
    return net.conv(8, Activation.NONE, 3, 3);
  }

  /** Feature maps of three sizes, and what the two coarser ones make together. */
  private record Levels(String fine, String coarse, String lower) {}

  /** Ends with the last of them. */
  private static Levels levels(Nets net) {
    String fine = net.last();
    String middle = net.halved().conv(12, Activation.RELU, 3, 3).last();
    String coarse = net.halved().conv(8, Activation.NONE, 3, 3).last();
    net.enlarged(2).concat(middle).conv(8, Activation.NONE, 1, 1);
    return new Levels(fine, coarse, net.last());
  }

  private static Graph scored(Nets net) {
    return net.conv(6, Activation.RELU, 3, 3)
        .add(new Op.GlobalAveragePool())
        .flatten()
        .dense(5, Activation.NONE)
        .graph("y");
  }

  /** Both formats compute on integers alone, and say what the floats say. */
  // Of bounds, margins, tanh and transposed convolutions the runtime computes floats.
  private static List<String> unfused(byte[] onnx) throws Exception {
    return FusionCheck.unfused(onnx).stream()
        .filter(name -> !name.matches(".*\\((Clip|Pad|Tanh|ConvTranspose)\\)"))
        .toList();
  }

  private void assertIntegers(Graph graph, String... undelegated) throws Exception {
    Samples items = Nets.randomItems(graph, 32);
    Observations seen = Calibrator.observe(graph, items);
    Outputs floats = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), items);
    Options options = Options.of(Clipping.MIN_MAX);

    byte[] onnx = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options));
    byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));

    assertThat(unfused(onnx)).isEmpty();
    assertThat(outputs(Engine.ONNXRUNTIME, onnx, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(Engine.TFLITE, tflite, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(operators(tflite))
        .filteredOn(code -> code == BuiltinOperator.DEQUANTIZE)
        .hasSameSizeAs(graph.outputs());
    Path file = Files.write(folder.resolve("delegated.tflite"), tflite);
    assertThat(Delegation.undelegated(file))
        .map(left -> left.replaceAll(".* \\((\\w+)\\)", "$1"))
        .containsExactly(undelegated);
    assertThat(outputs(Engine.ONNXRUNTIME, readAgain(tflite), items).signalToNoise(floats))
        .isGreaterThan(25);
  }

  private static List<Integer> operators(byte[] tflite) {
    Model model = Model.getRootAsModel(ByteBuffer.wrap(tflite));
    SubGraph graph = model.subgraphs(0);
    return new ArrayList<>(
        IntStream.range(0, graph.operatorsLength())
            .map(i -> model.operatorCodes((int) graph.operators(i).opcodeIndex()).builtinCode())
            .boxed()
            .toList());
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
