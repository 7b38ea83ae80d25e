package io.skerry.packager.tflite;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.TensorScale;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.ActivationFunctionType;
import org.tensorflow.lite.schema.AddOptionsT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.ConcatenationOptionsT;
import org.tensorflow.lite.schema.DivOptionsT;
import org.tensorflow.lite.schema.GeluOptionsT;
import org.tensorflow.lite.schema.LeakyReluOptionsT;
import org.tensorflow.lite.schema.MaximumMinimumOptionsT;
import org.tensorflow.lite.schema.MulOptionsT;
import org.tensorflow.lite.schema.SoftmaxOptionsT;
import org.tensorflow.lite.schema.SubOptionsT;

/**
 * Writes a graph as a TFLite file for a batch of one, input and outputs float under their own names
 * and in the graph's own layout.
 *
 * <p>Convolutions and pools work channels last; a one-dimensional one is two-dimensional of height
 * one.
 */
public final class TfliteExport {
  /** Parts into which the format's integer sums divide twice the coarser operand's step. */
  private static final double SUM_STEPS_MAX = 1 << 20;

  /** As many times an operand's step may be another's; from some 2^120 on the process ends. */
  private static final double OPERANDS_APART_MAX = 0x1p100;

  /** From so many scores on XNNPACK is the faster one, at each of many places. */
  private static final int SCORES_MIN = 8;

  private final Graph graph;
  private final Optional<QuantizedGraph> quantized;
  private final TfliteFile file = new TfliteFile();
  private final Tensors tensors;
  private final WeightedLayers layers;
  private final SpatialOperators spatial;
  private final ComposedOperators composed;
  private final Pools pools;

  private TfliteExport(Graph graph, Optional<QuantizedGraph> quantized) {
    this.graph = graph;
    this.quantized = quantized;
    this.tensors = new Tensors(graph, quantized, file);
    this.layers = new WeightedLayers(graph, quantized, file, tensors);
    this.spatial = new SpatialOperators(graph, quantized, file, tensors);
    this.composed = new ComposedOperators(graph, file, tensors);
    this.pools = new Pools(graph, quantized, file, tensors, layers);
  }

  /**
   * The float file's content.
   *
   * @throws ModelRefusedException if the format cannot say what the graph does
   */
  public static byte[] write(Graph graph) {
    return new TfliteExport(graph, Optional.empty()).write();
  }

  /**
   * The integer file's content, from a graph quantized with int8 activations.
   *
   * @throws ModelRefusedException if the format cannot say what the graph does
   */
  public static byte[] write(QuantizedGraph quantized) {
    return new TfliteExport(quantized.graph(), Optional.of(quantized)).write();
  }

  private byte[] write() {
    int input = tensors.declare(graph.input(), Layout.PLAIN, false);
    Set<String> written = new HashSet<>();
    for (Node node : graph.nodes()) {
      if (written.contains(node.output())) {
        continue;
      }
      Optional<ChannelShuffle> shuffle = ChannelShuffle.from(graph, node);
      if (shuffle.isPresent() && tensors.exists(node.input(), Layout.CHANNELS_LAST)) {
        TensorScale scale =
            quantized.filter(q -> q.isQuantized(node)).map(q -> q.scale(node.input())).orElse(null);
        shuffle.get().write(tensors, file, scale);
        shuffle.get().nodes().forEach(part -> written.add(part.output()));
        continue;
      }
      try {
        add(node, quantized.filter(q -> q.isQuantized(node)).isPresent());
      } catch (ModelRefusedException e) {
        throw new ModelRefusedException(
            "node '%s' has no TFLite form: %s".formatted(node.name(), e.getMessage()), e);
      }
    }
    int[] outputs =
        graph.outputs().stream()
            .mapToInt(output -> tensors.index(output, Layout.PLAIN, false))
            .toArray();
    return file.bytes(graph.name(), input, outputs);
  }

  private void add(Node node, boolean integer) {
    switch (node.op()) {
      case Op.Conv conv -> layers.conv(node, conv, integer);
      case Op.Dense dense -> layers.dense(node, integer);
      case Op.Binary(Op.Binary.Kind kind) -> binary(node, kind, integer);
      case Op.Activate(Activation activation) -> activate(node, activation, integer);
      case Op.Concat(int axis) -> concat(node, axis, integer);
      case Op.Function(Op.Function.Kind kind, float slope) -> function(node, kind, slope, integer);
      case Op.MatMul product -> composed.matMul(node);
      case Op.ParametricRelu relu -> composed.parametricRelu(node);
      case Op.Mean(List<Integer> axes) -> composed.mean(node, axes);
      case Op.LayerNormalization(float epsilon) -> composed.layerNormalization(node, epsilon);
      case Op.Clip(float minimum, float maximum) -> clip(node, minimum, maximum, integer);
      case Op.Pad pad -> spatial.pad(node, pad, integer);
      case Op.Slice slice -> spatial.slice(node, slice, integer);
      case Op.Resize resize -> spatial.resize(node, resize, integer);
      case Op.ConvTranspose conv -> layers.transposed(node, conv, integer);
      case Op.Sigmoid sigmoid -> unary(node, BuiltinOperator.LOGISTIC, integer);
      case Op.Softmax softmax -> softmax(node, integer && isOfFewScores(node));
      case Op.MaxPool(Window window) -> pools.largest(node, window, integer);
      case Op.AveragePool(Window window, boolean countPadding) ->
          pools.mean(node, window, countPadding, integer);
      case Op.GlobalAveragePool pool -> pools.global(node, integer);
      case Op.Reshape reshape -> reshape(node, integer);
      case Op.Transpose(List<Integer> permutation) -> transpose(node, permutation, integer);
    }
  }

  private void binary(Node node, Op.Binary.Kind kind, boolean integer) {
    if (integer && kind != Op.Binary.Kind.MUL) {
      requireFineSum(node);
    }
    boolean last =
        node.inputs().stream()
            .anyMatch(
                input ->
                    graph.constant(input).isEmpty()
                        && tensors.exists(input, Layout.CHANNELS_LAST)
                        && graph.shape(input).equals(graph.shape(node.output())));
    boolean sameRank =
        node.inputs().stream()
            .filter(input -> graph.constant(input).isEmpty())
            .allMatch(input -> graph.shape(input).rank() == graph.shape(node.output()).rank());
    Layout layout = last && sameRank ? Layout.CHANNELS_LAST : Layout.PLAIN;
    int[] inputs =
        node.inputs().stream().mapToInt(input -> operand(node, input, layout, integer)).toArray();
    int output = tensors.declare(node.output(), layout, integer);
    byte activation = fused(node.activation());
    int version = integer ? 2 : 1;
    switch (kind) {
      case ADD -> {
        AddOptionsT options = new AddOptionsT();
        options.setFusedActivationFunction(activation);
        file.operator(
            BuiltinOperator.ADD, version, inputs, output, BuiltinOptions.AddOptions, options);
      }
      case SUB -> {
        SubOptionsT options = new SubOptionsT();
        options.setFusedActivationFunction(activation);
        file.operator(
            BuiltinOperator.SUB, version, inputs, output, BuiltinOptions.SubOptions, options);
      }
      case DIV -> {
        DivOptionsT options = new DivOptionsT();
        options.setFusedActivationFunction(activation);
        file.operator(
            BuiltinOperator.DIV, version, inputs, output, BuiltinOptions.DivOptions, options);
      }
      case MUL -> {
        MulOptionsT options = new MulOptionsT();
        options.setFusedActivationFunction(activation);
        file.operator(
            BuiltinOperator.MUL, version, inputs, output, BuiltinOptions.MulOptions, options);
      }
    }
  }

  /**
   * TFLite ends the process where a step of the sum is too small a part of an operand's, or one
   * operand's all but nothing of the other's.
   */
  private void requireFineSum(Node node) {
    QuantizedGraph known = quantized.orElseThrow();
    DoubleSummaryStatistics steps =
        node.inputs().stream().mapToDouble(i -> known.scale(i).scale()).summaryStatistics();
    double sum = known.scale(node.output()).scale();
    if (2 * steps.getMax() >= SUM_STEPS_MAX * sum
        || steps.getMin() * OPERANDS_APART_MAX <= steps.getMax()) {
      throw new ModelRefusedException(
          "its operands' steps of %s and %s are too coarse for sums of %s: let the profile name an ONNX Runtime candidate or floats"
              .formatted(steps.getMin(), steps.getMax(), sum));
    }
  }

  private int operand(Node node, String name, Layout layout, boolean integer) {
    Optional<Constant> constant = graph.constant(name);
    if (constant.isEmpty()) {
      return tensors.index(name, layout, integer);
    }
    Constant operand = constant.get();
    int[] shape = operand.shape().toArray(1);
    if (layout == Layout.CHANNELS_LAST) {
      int rank = graph.shape(node.output()).rank();
      List<Integer> full = new ArrayList<>(operand.shape().dimensions());
      while (full.size() < rank) {
        full.addFirst(1);
      }
      Constant aligned = operand.reshaped(new Shape(full));
      shape = Tensors.channelsLast(aligned.shape());
      operand = rank == 4 ? aligned.transposed(0, 2, 3, 1) : aligned.transposed(0, 2, 1);
    }
    String unique = node.output() + "_operand";
    if (!integer) {
      return file.floats(unique, shape, operand.values());
    }
    TensorScale scale = quantized.orElseThrow().scale(name);
    byte[] integers = new byte[operand.size()];
    for (int i = 0; i < integers.length; i++) {
      integers[i] = (byte) scale.quantized(operand.at(i));
    }
    return file.bytes(unique, shape, integers, scale);
  }

  private void unary(Node node, int operator, boolean integer) {
    Layout layout = tensors.available(node.input());
    int input = tensors.index(node.input(), layout, integer);
    int output = tensors.declare(node.output(), layout, integer);
    file.operator(operator, integer ? 2 : 1, new int[] {input}, output);
  }

  /** XNNPACK bounds integers only by what they can say. */
  private void activate(Node node, Activation activation, boolean integer) {
    boolean bounded = activation == Activation.RELU6;
    if (integer) {
      clip(node, 0, bounded ? 6 : Op.Clip.UNBOUNDED, true);
    } else {
      unary(node, bounded ? BuiltinOperator.RELU6 : BuiltinOperator.RELU, false);
    }
  }

  /** No less than the one, no more than the other; a bound that is none is not written. */
  private void clip(Node node, float minimum, float maximum, boolean integer) {
    Layout layout = tensors.available(node.input());
    TensorScale scale = integer ? quantized.orElseThrow().scale(node.output()) : null;
    int input =
        integer
            ? tensors.integer(node.input(), layout, node.output())
            : tensors.index(node.input(), layout, false);
    if (!integer && minimum == -1 && maximum == 1) {
      int output = tensors.declare(node.output(), layout, false);
      file.operator(BuiltinOperator.RELU_N1_TO_1, 1, new int[] {input}, output);
      return;
    }
    boolean below = minimum > -Op.Clip.UNBOUNDED;
    boolean above = maximum < Op.Clip.UNBOUNDED;
    if (scale != null) {
      // The ends of the integers bound, too.
      below = !scale.isWithin(minimum, Op.Clip.UNBOUNDED);
      above = !scale.isWithin(-Op.Clip.UNBOUNDED, maximum);
      if (!below && !above) {
        tensors.alias(node.output(), layout, true, input);
        return;
      }
    }
    if (below || !above) {
      int output =
          above
              ? file.activation(
                  node.output() + "_raised", tensors.shape(node.output(), layout), scale)
              : tensors.declare(node.output(), layout, integer);
      bound(BuiltinOperator.MAXIMUM, node.output() + "_minimum", input, minimum, output, scale);
      input = output;
    }
    if (above) {
      int output = tensors.declare(node.output(), layout, integer);
      bound(BuiltinOperator.MINIMUM, node.output() + "_maximum", input, maximum, output, scale);
    }
  }

  private void bound(
      int operator, String name, int input, float value, int output, @Nullable TensorScale scale) {
    file.operator(
        operator,
        scale == null ? 1 : 2,
        new int[] {input, file.number(name, value, scale)},
        output,
        BuiltinOptions.MaximumMinimumOptions,
        new MaximumMinimumOptionsT());
  }

  private void concat(Node node, int axis, boolean integer) {
    boolean last =
        node.inputs().stream().allMatch(input -> tensors.exists(input, Layout.CHANNELS_LAST));
    Layout layout = last ? Layout.CHANNELS_LAST : Layout.PLAIN;
    int rank = graph.shape(node.output()).rank();
    int[] inputs =
        node.inputs().stream()
            .mapToInt(
                input ->
                    integer
                        ? tensors.integer(input, layout, node.output())
                        : tensors.index(input, layout, false))
            .toArray();
    ConcatenationOptionsT options = new ConcatenationOptionsT();
    options.setAxis(Tensors.axis(axis, rank, layout));
    int output = tensors.declare(node.output(), layout, integer);
    file.operator(
        BuiltinOperator.CONCATENATION,
        integer ? 2 : 1,
        inputs,
        output,
        BuiltinOptions.ConcatenationOptions,
        options);
  }

  private void function(Node node, Op.Function.Kind kind, float slope, boolean integer) {
    switch (kind) {
      case TANH -> unary(node, BuiltinOperator.TANH, integer);
      case SQRT -> unary(node, BuiltinOperator.SQRT, integer);
      case ERF ->
          throw new ModelRefusedException(
              "the format has no error function but within a GELU:"
                  + " let the profile name an ONNX Runtime candidate");
      case GELU, GELU_TANH -> {
        GeluOptionsT options = new GeluOptionsT();
        options.setApproximate(kind == Op.Function.Kind.GELU_TANH);
        Layout layout = tensors.available(node.input());
        int input = tensors.index(node.input(), layout, integer);
        int output = tensors.declare(node.output(), layout, integer);
        file.operator(
            BuiltinOperator.GELU,
            1,
            new int[] {input},
            output,
            BuiltinOptions.GeluOptions,
            options);
      }
      case HARD_SWISH -> {
        Layout layout = tensors.available(node.input());
        int input = tensors.index(node.input(), layout, integer);
        int output = tensors.declare(node.output(), layout, integer);
        file.operator(BuiltinOperator.HARD_SWISH, 1, new int[] {input}, output);
      }
      case LEAKY_RELU -> {
        LeakyReluOptionsT options = new LeakyReluOptionsT();
        options.setAlpha(slope);
        Layout layout = tensors.available(node.input());
        int input = tensors.index(node.input(), layout, integer);
        int output = tensors.declare(node.output(), layout, integer);
        file.operator(
            BuiltinOperator.LEAKY_RELU,
            integer ? 2 : 1,
            new int[] {input},
            output,
            BuiltinOptions.LeakyReluOptions,
            options);
      }
    }
  }

  /**
   * Whether TFLite's own integers are faster than XNNPACK's floats, which are quantized again: it
   * has no integer softmax, and takes its time for each place.
   */
  private boolean isOfFewScores(Node node) {
    Shape shape = graph.shape(node.output());
    int scores = shape.dimension(shape.rank() - 1);
    return scores < SCORES_MIN && shape.elementsPerItem() > scores;
  }

  private void softmax(Node node, boolean integer) {
    SoftmaxOptionsT options = new SoftmaxOptionsT();
    options.setBeta(1);
    int input = tensors.index(node.input(), Layout.PLAIN, integer);
    int output = tensors.declare(node.output(), Layout.PLAIN, integer);
    file.operator(
        BuiltinOperator.SOFTMAX,
        integer ? 2 : 1,
        new int[] {input},
        output,
        BuiltinOptions.SoftmaxOptions,
        options);
  }

  private void reshape(Node node, boolean integer) {
    Shape before = graph.shape(node.input());
    Shape after = graph.shape(node.output());
    boolean last = tensors.exists(node.input(), Layout.CHANNELS_LAST);
    boolean flattens =
        after.rank() == 2
            && !graph.outputs().contains(node.output())
            && graph.consumers(node.output()).stream().allMatch(n -> n.op() instanceof Op.Dense);
    Layout from = Layout.PLAIN;
    Layout to = Layout.PLAIN;
    if (last && Tensors.isVector(before)) {
      from = Layout.CHANNELS_LAST;
    } else if (last && flattens) {
      from = Layout.CHANNELS_LAST;
      to = Layout.FLAT_CHANNELS_LAST;
    }
    int input = tensors.index(node.input(), from, integer);
    int output = tensors.declare(node.output(), to, integer);
    tensors.reshape(input, output, after.toArray(1));
  }

  private void transpose(Node node, List<Integer> permutation, boolean integer) {
    boolean isOutput = graph.outputs().contains(node.output());
    Shape after = graph.shape(node.output());
    if (!isOutput && permutation.equals(List.of(0, 3, 1, 2))) {
      int input = tensors.index(node.input(), Layout.PLAIN, integer);
      tensors.alias(node.output(), Layout.CHANNELS_LAST, integer, input);
    } else if (!isOutput
        && permutation.equals(List.of(0, 2, 3, 1))
        && tensors.exists(node.input(), Layout.CHANNELS_LAST)) {
      int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
      tensors.alias(node.output(), Layout.PLAIN, integer, input);
    } else if (permutation.equals(List.of(0, 2, 1))
        && !tensors.exists(node.input(), Layout.CHANNELS_LAST)
        && !isOutput) {
      int input = tensors.index(node.input(), Layout.PLAIN, integer);
      int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
      tensors.reshape(input, output, Tensors.channelsLast(after));
    } else if (permutation.equals(List.of(0, 2, 1))
        && tensors.exists(node.input(), Layout.CHANNELS_LAST)) {
      int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
      int output = tensors.declare(node.output(), Layout.PLAIN, integer);
      tensors.reshape(input, output, after.toArray(1));
    } else {
      int input = tensors.index(node.input(), Layout.PLAIN, integer);
      int output = tensors.declare(node.output(), Layout.PLAIN, integer);
      int[] order = permutation.stream().mapToInt(Integer::intValue).toArray();
      tensors.transpose(input, output, integer, order);
    }
  }

  static byte fused(Activation activation) {
    return switch (activation) {
      case NONE -> ActivationFunctionType.NONE;
      case RELU -> ActivationFunctionType.RELU;
      case RELU6 -> ActivationFunctionType.RELU6;
    };
  }
}
