package io.skerry.packager.tflite;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import org.tensorflow.lite.schema.AddOptionsT;
import org.tensorflow.lite.schema.BatchMatMulOptionsT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.DivOptionsT;
import org.tensorflow.lite.schema.MulOptionsT;
import org.tensorflow.lite.schema.ReducerOptionsT;
import org.tensorflow.lite.schema.SubOptionsT;

/** Operators on floats only, some of which the format has in several steps. */
final class ComposedOperators {
  private final Graph graph;
  private final TfliteFile file;
  private final Tensors tensors;

  ComposedOperators(Graph graph, TfliteFile file, Tensors tensors) {
    this.graph = graph;
    this.file = file;
    this.tensors = tensors;
  }

  /** XNNPACK takes slopes along the last dimension only, as many as there are channels. */
  void parametricRelu(Node node) {
    Constant slopes = graph.constant(node.inputs().get(1)).orElseThrow();
    Shape x = graph.shape(node.input());
    List<Integer> full = new ArrayList<>(slopes.shape().dimensions());
    while (full.size() < x.rank()) {
      full.addFirst(1);
    }
    Constant aligned = slopes.reshaped(new Shape(full));
    boolean perChannel = x.rank() > 2 && x.rank() < 5 && slopes.size() == full.get(1);
    Layout layout = perChannel ? Layout.CHANNELS_LAST : tensors.available(node.input());
    int[] shape = aligned.shape().toArray(1);
    if (layout == Layout.CHANNELS_LAST) {
      shape = Tensors.channelsLast(aligned.shape());
      aligned = x.rank() == 4 ? aligned.transposed(0, 2, 3, 1) : aligned.transposed(0, 2, 1);
    }
    int input = tensors.index(node.input(), layout, false);
    int factors = file.floats(node.output() + "_slopes", shape, aligned.values());
    int output = tensors.declare(node.output(), layout, false);
    file.operator(BuiltinOperator.PRELU, 1, new int[] {input, factors}, output);
  }

  void matMul(Node node) {
    int left = tensors.index(node.inputs().get(0), Layout.PLAIN, false);
    int right = tensors.index(node.inputs().get(1), Layout.PLAIN, false);
    file.operator(
        BuiltinOperator.BATCH_MATMUL,
        1,
        new int[] {left, right},
        tensors.declare(node.output(), Layout.PLAIN, false),
        BuiltinOptions.BatchMatMulOptions,
        new BatchMatMulOptionsT());
  }

  void mean(Node node, List<Integer> axes) {
    Layout layout = tensors.available(node.input());
    int rank = graph.shape(node.input()).rank();
    int[] moved = axes.stream().mapToInt(axis -> Tensors.axis(axis, rank, layout)).toArray();
    int input = tensors.index(node.input(), layout, false);
    mean(node.output(), input, tensors.declare(node.output(), layout, false), moved);
  }

  private void mean(String name, int input, int output, int... axes) {
    ReducerOptionsT options = new ReducerOptionsT();
    options.setKeepDims(true);
    file.operator(
        BuiltinOperator.MEAN,
        1,
        new int[] {input, file.integers(name + "_axes", axes)},
        output,
        BuiltinOptions.ReducerOptions,
        options);
  }

  /** Step by step: the format has no such operator. */
  void layerNormalization(Node node, float epsilon) {
    String name = node.output();
    int[] whole = tensors.shape(name, Layout.PLAIN);
    int last = whole.length - 1;
    int[] one = whole.clone();
    one[last] = 1;
    int x = tensors.index(node.input(), Layout.PLAIN, false);
    int mean = step(name + "_mean", one);
    mean(name + "_mean", x, mean, last);
    int centred = step(name + "_centred", whole);
    file.operator(
        BuiltinOperator.SUB,
        1,
        new int[] {x, mean},
        centred,
        BuiltinOptions.SubOptions,
        new SubOptionsT());
    int square = multiplied(name + "_square", whole, centred, centred);
    int variance = step(name + "_variance", one);
    mean(name + "_variance", square, variance, last);
    int raised = step(name + "_raised", one);
    added(raised, variance, file.number(name + "_epsilon", epsilon, null));
    int deviation = step(name + "_deviation", one);
    file.operator(BuiltinOperator.SQRT, 1, new int[] {raised}, deviation);
    int normalised = step(name + "_normalised", whole);
    file.operator(
        BuiltinOperator.DIV,
        1,
        new int[] {centred, deviation},
        normalised,
        BuiltinOptions.DivOptions,
        new DivOptionsT());
    int scaled = multiplied(name + "_scaled", whole, normalised, constant(node, 1));
    added(tensors.declare(name, Layout.PLAIN, false), scaled, constant(node, 2));
  }

  private int constant(Node node, int input) {
    Constant constant = graph.constant(node.inputs().get(input)).orElseThrow();
    String name = node.output() + (input == 1 ? "_factors" : "_shifts");
    return file.floats(name, new int[] {constant.size()}, constant.values());
  }

  private int step(String name, int... shape) {
    return file.activation(name, shape, null);
  }

  private void added(int output, int left, int right) {
    file.operator(
        BuiltinOperator.ADD,
        1,
        new int[] {left, right},
        output,
        BuiltinOptions.AddOptions,
        new AddOptionsT());
  }

  private int multiplied(String name, int[] shape, int left, int right) {
    int output = step(name, shape);
    file.operator(
        BuiltinOperator.MUL,
        1,
        new int[] {left, right},
        output,
        BuiltinOptions.MulOptions,
        new MulOptionsT());
    return output;
  }
}
