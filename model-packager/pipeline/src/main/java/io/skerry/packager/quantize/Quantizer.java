package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Lattice;
import io.skerry.packager.calibrate.Moments;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.calibrate.Range;
import io.skerry.packager.calibrate.Ranges;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;

/**
 * Decides what becomes int8 and with which scale.
 *
 * <p>Normalisation of the raw input (sums and products with constants before anything else) stays
 * float, and so does a sigmoid or softmax that makes the model's output, or a softmax of which no
 * score was seen to be large: all would lose resolution that no later layer gives back. A bound
 * that makes the output is integer where its input can be made of the bound's own range, which is
 * finer than the input's. Everything between is integer. Operators whose output elements are some
 * of their input's share one scale with their input.
 */
public final class Quantizer {
  private static final float UNIT_STEP = 1f / 256;

  /** Probabilities that are all below this are better told in smaller steps than of a 256th. */
  private static final float PROBABILITY_MIN = 0.5f;

  /** What a scale of a softmax reaches at least, in shares of its scores: see {@link #reach}. */
  private static final float REACH_MIN = 2;

  private static final float FINER_MEANS_MAX = 16;

  private final Graph graph;
  private final Observations seen;
  private final RoundedWeights weights;
  private final Map<String, float[]> shifts;
  private final Ranges ranges;
  private final Scheme scheme;
  private final Options options;
  private final Set<String> quantized = new HashSet<>();
  private final Map<String, TensorScale> activations = new LinkedHashMap<>();
  private final Map<String, QuantizedLayer> layers = new HashMap<>();
  private final Map<String, String> rangeOfTensor = new HashMap<>();

  private Quantizer(
      Graph graph,
      Observations seen,
      RoundedWeights weights,
      Scheme scheme,
      Options options,
      Map<String, float[]> shifts) {
    this.shifts = shifts;
    this.graph = graph;
    this.weights = weights;
    this.seen = seen;
    this.ranges = seen.ranges(options.clipping());
    this.scheme = scheme;
    this.options = options;
  }

  /**
   * The quantized form of a graph.
   *
   * @param seen what its tensors were seen to hold
   * @param weights of the same graph, which may have been rounded already
   * @param shifts that are added to biases, by node name; see {@link MeanMatching}
   */
  public static QuantizedGraph quantized(
      Graph graph,
      Observations seen,
      RoundedWeights weights,
      Scheme scheme,
      Options options,
      Map<String, float[]> shifts) {
    Graph biased = options.biasCorrection() ? Biases.everywhere(graph) : graph;
    Quantizer quantizer = new Quantizer(biased, seen, weights, scheme, options, shifts);
    quantizer.chooseNodes();
    quantizer.leaveIslands();
    quantizer.joinRanges();
    biased.nodes().stream()
        .filter(node -> quantizer.quantized.contains(node.name()))
        .forEach(quantizer::quantize);
    return new QuantizedGraph(
        quantizer.withoutNeedlessBounds(),
        scheme,
        quantizer.activations,
        quantizer.layers,
        quantizer.quantized);
  }

  private void chooseNodes() {
    Set<String> raw = new HashSet<>(Set.of(graph.input()));
    Set<String> scores = new HashSet<>();
    Set<String> masked = Masks.nodes(graph);
    for (Node node : graph.nodes()) {
      boolean scored = isFinalScore(graph, node) && !boundsItsMaker(node);
      if (scored || (scores.contains(node.input()) && movesOnly(node))) {
        scores.add(node.output());
        continue;
      }
      boolean normalises =
          node.op() instanceof Op.Binary
              && node.activation() == Activation.NONE
              && node.inputs().stream()
                  .allMatch(input -> raw.contains(input) || graph.constant(input).isPresent());
      if (normalises) {
        raw.add(node.output());
      } else if (node.op().hasIntegerKernel()
          && !isTooCoarse(node)
          && !masked.contains(node.name())
          && !options.floats().contains(node.name())) {
        quantized.add(node.name());
      }
    }
  }

  /**
   * What is together without weights and meets an operator that no engine computes on integers
   * stays float, too: between such, integers would only round.
   */
  private void leaveIslands() {
    Set<String> seenNodes = new HashSet<>();
    for (Node node : graph.nodes()) {
      if (quantized.contains(node.name()) && seenNodes.add(node.name())) {
        List<Node> island = new ArrayList<>(List.of(node));
        boolean worth = false;
        boolean meetsFloats = false;
        for (int i = 0; i < island.size(); i++) {
          worth |= island.get(i).op().isWeighted() || island.get(i).op().maySayReals();
          for (Node other : neighbours(island.get(i))) {
            meetsFloats |= !other.op().hasIntegerKernel();
            if (quantized.contains(other.name()) && seenNodes.add(other.name())) {
              island.add(other);
            }
          }
        }
        if (!worth && meetsFloats) {
          island.forEach(each -> quantized.remove(each.name()));
        }
      }
    }
  }

  private List<Node> neighbours(Node node) {
    List<Node> neighbours = new ArrayList<>(graph.consumers(node.output()));
    node.inputs().forEach(input -> graph.producer(input).ifPresent(neighbours::add));
    return neighbours;
  }

  /**
   * Whether a softmax over so many scores that none is likely would lose most of what it says: its
   * integers are a 256th apart, which TFLite's kernel fixes. As floats it is quantized behind it;
   * ONNX Runtime makes its own integer kernel of both, with that scale. Over one score that kernel
   * cannot make steps of a 256th: {@link #reach}.
   */
  private boolean isTooCoarse(Node node) {
    return node.op() instanceof Op.Softmax
        && (ranges.of(node.output()).maximum() < PROBABILITY_MIN || scores(node) == 1);
  }

  private int scores(Node softmax) {
    return graph.shape(softmax.output()).dimensions().getLast();
  }

  /**
   * Whether a bound's maker may as well say what is within it only. Symmetric integers have no end
   * at 0, and what may say reals is better bounded without having been rounded.
   */
  private boolean boundsItsMaker(Node node) {
    return node.op() instanceof Op.Clip
        && !scheme.symmetric()
        && isOnlyFor(node)
        && !saysReals(node.input());
  }

  private boolean saysReals(String tensor) {
    return graph.producer(tensor).filter(maker -> maker.op().maySayReals()).isPresent();
  }

  /**
   * What is put together has one scale: an operand takes that of the result, and so does what only
   * passes elements on to it. What several results want keeps to the last of them; for the others
   * it is quantized once more.
   */
  private void joinRanges() {
    for (Node node : graph.nodes().reversed()) {
      if (!quantized.contains(node.name()) || !joins(node)) {
        continue;
      }
      String range = rangeOfTensor.getOrDefault(node.output(), node.output());
      for (String input : node.inputs()) {
        if (!keepsOwnRange(input, range) && !losesOf(node, input, range)) {
          rangeOfTensor.putIfAbsent(input, range);
        }
      }
    }
  }

  /** Whether what a node reads takes the range of what it makes. */
  private boolean joins(Node node) {
    boolean forced = rangeOfTensor.containsKey(node.output());
    return switch (node.op()) {
      case Op.Concat concat -> true;
      // The ends of the integers are its bounds then.
      case Op.Clip clip -> isOnlyFor(node);
      case Op.Activate activate -> isOnlyFor(node);
      case Op.Pad pad when pad.value() != 0 ->
          forced || (isOnlyFor(node) && !holds(ranges.of(node.input()), pad.value()));
      default -> forced && node.op().passesThrough();
    };
  }

  /**
   * Whether a node that hands on less than it reads would have its input cut to a range that holds
   * only what it hands on: others read the rest, or it is averaged.
   */
  private boolean losesOf(Node node, String input, String range) {
    Range own = ranges.of(input);
    Range taken = ranges.of(range);
    boolean cuts = !holds(taken, own.minimum()) || !holds(taken, own.maximum());
    boolean picks = node.op() instanceof Op.MaxPool || node.op() instanceof Op.Slice;
    boolean alone = graph.consumers(input).size() == 1 && !graph.outputs().contains(input);
    return node.op().passesThrough() && cuts && !(picks && alone);
  }

  private static boolean holds(Range range, float value) {
    return value >= Math.min(0, range.minimum()) && value <= Math.max(0, range.maximum());
  }

  /** Whether a node alone reads its input, whose maker is free to make it of any scale. */
  private boolean isOnlyFor(Node reader) {
    String tensor = reader.input();
    return !graph.outputs().contains(tensor)
        && graph.consumers(tensor).size() == 1
        && graph
            .producer(tensor)
            .filter(maker -> quantized.contains(maker.name()))
            .filter(maker -> !maker.op().passesThrough())
            .filter(maker -> !(maker.op() instanceof Op.Concat || maker.op() instanceof Op.Pad))
            .isPresent();
  }

  /**
   * Whether a tensor is better quantized once more than at once for a range: where its operator
   * knows one scale only, or cuts off what is negative or above 6, which the ends of its own
   * integers do at no cost.
   */
  private boolean keepsOwnRange(String tensor, String range) {
    return graph.producer(tensor).stream()
        .anyMatch(
            maker ->
                maker.op() instanceof Op.Sigmoid
                    || maker.op() instanceof Op.Softmax
                    || maker.op() instanceof Op.Clip
                    || !isWithin(ranges.of(range), activation(maker)));
  }

  private static Activation activation(Node node) {
    return node.op() instanceof Op.Activate(Activation own) ? own : node.activation();
  }

  private static boolean isWithin(Range range, Activation activation) {
    return switch (activation) {
      case NONE -> true;
      case RELU -> range.minimum() >= 0;
      case RELU6 -> range.minimum() >= 0 && range.maximum() <= 6;
    };
  }

  /**
   * The graph without bounds that the ends of the integers are: what makes the integers before such
   * a bound makes those after it.
   */
  private Graph withoutNeedlessBounds() {
    List<Node> nodes = new ArrayList<>(graph.nodes());
    for (Node node : graph.nodes()) {
      if (!isNeedless(node)) {
        continue;
      }
      nodes.remove(node);
      quantized.remove(node.name());
      nodes.replaceAll(
          maker ->
              maker.output().equals(node.input())
                  ? new Node(
                      maker.name(), maker.op(), maker.inputs(), node.output(), maker.activation())
                  : maker);
    }
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), nodes, graph.constants(), graph.shapes());
  }

  private boolean isNeedless(Node node) {
    if (!quantized.contains(node.name()) || !isOnlyFor(node)) {
      return false;
    }
    TensorScale scale = scale(node.output());
    boolean bounds =
        switch (node.op()) {
          case Op.Clip(float minimum, float maximum) -> scale.isWithin(minimum, maximum);
          case Op.Activate(Activation activation) -> scale.does(activation);
          default -> false;
        };
    // What nobody reads as integers may be written as floats, which have no ends.
    return bounds
        && scale(node.input()).equals(scale)
        && (!saysReals(node.input())
            || graph.consumers(node.output()).stream().anyMatch(n -> quantized.contains(n.name())));
  }

  static boolean isFinalScore(Graph graph, Node node) {
    boolean scores =
        node.op() instanceof Op.Sigmoid
            || node.op() instanceof Op.Softmax
            || node.op() instanceof Op.Clip;
    return scores && onlyLeavesTheGraph(graph, node);
  }

  /** Whether it is an output, or what others only put in another order or shape for one. */
  private static boolean onlyLeavesTheGraph(Graph graph, Node node) {
    List<Node> readers = graph.consumers(node.output());
    if (graph.outputs().contains(node.output())) {
      return readers.isEmpty();
    }
    return readers.stream()
        .allMatch(reader -> movesOnly(reader) && onlyLeavesTheGraph(graph, reader));
  }

  private static boolean movesOnly(Node node) {
    return node.op() instanceof Op.Reshape || node.op() instanceof Op.Transpose;
  }

  private void quantize(Node node) {
    for (String input : node.inputs()) {
      if (graph.constant(input).isEmpty()) {
        activations.computeIfAbsent(input, this::calibrated);
      }
    }
    TensorScale input = scale(firstTensor(node));
    if (node.op().isWeighted()) {
      layers.put(node.name(), layer(node, input));
    } else if (node.op() instanceof Op.ConvTranspose conv) {
      layers.put(node.name(), TransposedWeights.layer(graph, node, conv, input));
    } else if (node.op() instanceof Op.Binary) {
      for (String operand : node.inputs()) {
        graph.constant(operand).ifPresent(constant -> activations.put(operand, rangeOf(constant)));
      }
    }
    TensorScale output;
    if (node.op().passesThrough()
        || (node.op() instanceof Op.Pad pad && says(node.input(), pad.value()))) {
      output = input;
    } else if (node.op() instanceof Op.Sigmoid || node.op() instanceof Op.Softmax) {
      output = unit();
    } else {
      output = calibrated(node.output());
    }
    if (node.op() instanceof Op.GlobalAveragePool) {
      output = noFinerThanMeans(output, node, input);
    }
    activations.put(node.output(), output);
  }

  /**
   * Means of integers are no finer than a step by their number. ONNX Runtime refuses to run where
   * the steps are 256 times as fine as that, as where all means are about 0.
   */
  private TensorScale noFinerThanMeans(TensorScale scale, Node node, TensorScale input) {
    int places =
        graph.shape(node.input()).elementsPerItem() / graph.shape(node.output()).elementsPerItem();
    float finest = input.scale() / places / FINER_MEANS_MAX;
    return scale.scale() >= finest
        ? scale
        : new TensorScale(scale.type(), finest, scale.zeroPoint());
  }

  /** Whether a tensor's integers say this too; the scale of nothing but zeros says nothing else. */
  private boolean says(String tensor, float value) {
    Range own = ranges.of(tensor);
    boolean zeros = own.minimum() == 0 && own.maximum() == 0;
    return scale(tensor).says(value) && (!zeros || value == 0);
  }

  /** The scale of probabilities, which need no calibration. */
  private TensorScale unit() {
    return scheme.symmetric()
        ? scaleOf(0, 1)
        : new TensorScale(scheme.activations(), UNIT_STEP, scheme.activations().minimum());
  }

  private String firstTensor(Node node) {
    return node.inputs().stream()
        .filter(input -> graph.constant(input).isEmpty())
        .findFirst()
        .orElseThrow();
  }

  private TensorScale scale(String tensor) {
    return activations.computeIfAbsent(tensor, this::calibrated);
  }

  private TensorScale calibrated(String tensor) {
    String source = rangeOfTensor.getOrDefault(tensor, tensor);
    Optional<Lattice.Steps> steps =
        source.equals(graph.input()) && !scheme.symmetric()
            ? seen.input().steps()
            : Optional.empty();
    if (steps.isPresent()) {
      return QuantizationRules.lattice(steps.get(), scheme.activations());
    }
    Range range = ranges.of(source);
    return scaleOf(range.minimum(), Math.max(range.maximum(), reach(source)));
  }

  /**
   * What integers of a tensor have to reach, however small it is. ONNX Runtime's QLinearSoftmax
   * multiplies exponentials, of which the largest is e⁻⁵ of the largest float by the number of
   * scores, with steps per 1: more steps than 148 for each score are beyond all floats, and its
   * scores senseless. So many are made where all scores are about alike.
   */
  private float reach(String tensor) {
    return graph
        .producer(tensor)
        .filter(maker -> maker.op() instanceof Op.Softmax)
        .map(softmax -> reachOf(scores(softmax)))
        .orElse(0f);
  }

  /** What integers of a softmax have to reach, see {@link #reach}. */
  static float reachOf(int scores) {
    return REACH_MIN / scores;
  }

  private TensorScale scaleOf(float minimum, float maximum) {
    return scheme.symmetric()
        ? QuantizationRules.symmetricActivation(minimum, maximum, scheme.activations())
        : QuantizationRules.activation(minimum, maximum, scheme.activations());
  }

  private TensorScale rangeOf(Constant constant) {
    float minimum = 0;
    float maximum = 0;
    for (int i = 0; i < constant.size(); i++) {
      minimum = Math.min(minimum, constant.at(i));
      maximum = Math.max(maximum, constant.at(i));
    }
    return scaleOf(minimum, maximum);
  }

  private QuantizedLayer layer(Node node, TensorScale input) {
    float[] reals = graph.constant(node.inputs().get(1)).orElseThrow().values();
    float[] bias =
        node.inputs().size() > 2
            ? graph.constant(node.inputs().get(2)).orElseThrow().values()
            : new float[0];
    RoundedWeights.Layer rounded = weights.layer(node, scheme);
    float[] scales = rounded.scales();
    float[] shift = shifts.getOrDefault(node.name(), new float[0]);
    for (int o = 0; o < bias.length; o++) {
      float whole = Math.abs(bias[o]) + (o < shift.length ? Math.abs(shift[o]) : 0);
      scales[o] = QuantizationRules.weightScaleForBias(scales[o], input.scale(), whole);
    }
    byte[] integers = rounded.widened(reals, scales, scheme);
    if (options.biasCorrection()) {
      Biases.correct(bias, reals, integers, scales, node.op().groups(), means(node, reals.length));
    }
    for (int o = 0; o < Math.min(shift.length, bias.length); o++) {
      bias[o] += shift[o];
    }
    return withBias(integers, scales, bias, input);
  }

  /** Of each value that the outputs of a group read, as precisely as it was seen. */
  private IntFunction<double[]> means(Node node, int weightCount) {
    Optional<Moments> moments = seen.moments(node.name());
    if (moments.isPresent()) {
      return moments.get()::means;
    }
    int outputs = graph.shape(node.inputs().get(1)).dimension(0);
    return Biases.ofChannels(
        seen.channelMeans(node.input()), node.op().groups(), weightCount / outputs);
  }

  static QuantizedLayer withBias(byte[] weights, float[] scales, float[] bias, TensorScale input) {
    int[] integers = new int[bias.length];
    float[] biasScales = new float[scales.length];
    for (int o = 0; o < scales.length; o++) {
      biasScales[o] = input.scale() * scales[o];
    }
    for (int o = 0; o < bias.length; o++) {
      integers[o] = QuantizationRules.bias(bias[o], biasScales[o]);
    }
    return new QuantizedLayer(weights, scales, integers, biasScales, bias);
  }
}
