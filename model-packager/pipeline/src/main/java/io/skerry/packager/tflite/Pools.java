package io.skerry.packager.tflite;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.TensorScale;
import java.util.Optional;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.MulOptionsT;
import org.tensorflow.lite.schema.Padding;
import org.tensorflow.lite.schema.Pool2DOptionsT;
import org.tensorflow.lite.schema.ReducerOptionsT;

/**
 * Pools. The format knows no margins but its own: others are put around by an operator before the
 * pool.
 */
final class Pools {
  private final Graph graph;
  private final Optional<QuantizedGraph> quantized;
  private final TfliteFile file;
  private final Tensors tensors;
  private final WeightedLayers layers;
  private final Margins margins;

  Pools(
      Graph graph,
      Optional<QuantizedGraph> quantized,
      TfliteFile file,
      Tensors tensors,
      WeightedLayers layers) {
    this.graph = graph;
    this.quantized = quantized;
    this.file = file;
    this.tensors = tensors;
    this.layers = layers;
    this.margins = new Margins(file, tensors);
  }

  void largest(Node node, Window window, boolean integer) {
    if (points(node, window, integer)) {
      return;
    }
    Placement placement = Placement.of(window, graph.shape(node.input()));
    int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    if (placement == Placement.EXPLICIT) {
      input = lowestAround(node, window, input, integer);
    }
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
    pool(BuiltinOperator.MAX_POOL_2D, integer, window, placement, input, output);
  }

  /**
   * Writes a pool of single places, which a pyramid takes its top with, as what it is: some of the
   * elements. XNNPACK takes no pool that steps over places.
   */
  private boolean points(Node node, Window window, boolean integer) {
    if (!window.isUnpadded()
        || window.kernel().stream().anyMatch(size -> size > 1)
        || window.strides().stream().allMatch(step -> step == 1)) {
      return false;
    }
    int[] shape = tensors.shape(node.input(), Layout.CHANNELS_LAST);
    int[] size = tensors.shape(node.output(), Layout.CHANNELS_LAST);
    int[] steps = {
      1, window.rank() == 1 ? 1 : window.strides().getFirst(), window.strides().getLast(), 1
    };
    int[] begin = new int[shape.length];
    if (!ElementMoves.isInGroups(shape, begin, size, steps)) {
      return false;
    }
    TensorScale scale = integer ? quantized.orElseThrow().scale(node.input()) : null;
    int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
    new ElementMoves(file, tensors, node.output(), scale)
        .apart(input, shape, begin, size, steps, output);
    return true;
  }

  /** Zeros, which XNNPACK puts around, where nothing is less; else the lowest number there is. */
  private int lowestAround(Node node, Window window, int input, boolean integer) {
    TensorScale scale = integer ? quantized.orElseThrow().scale(node.input()) : null;
    boolean zeros =
        scale == null ? isNeverNegative(node.input()) : scale.zeroPoint() == scale.type().minimum();
    return margins.around(node, window, input, scale, zeros ? 0 : -Op.Clip.UNBOUNDED);
  }

  /** Whether a tensor's maker says so. */
  private boolean isNeverNegative(String tensor) {
    Node maker = graph.producer(tensor).orElse(null);
    return maker != null
        && (maker.activation() != Activation.NONE
            || maker.op() instanceof Op.Activate
            || maker.op() instanceof Op.Sigmoid
            || (maker.op() instanceof Op.Clip clip && clip.minimum() >= 0)
            || (maker.op() instanceof Op.Concat
                && maker.inputs().stream().allMatch(this::isNeverNegative)));
  }

  void mean(Node node, Window window, boolean countPadding, boolean integer) {
    Placement placement = Placement.of(window, graph.shape(node.input()));
    // The format's own margins do not count.
    boolean around =
        placement == Placement.EXPLICIT || (placement == Placement.SAME && countPadding);
    boolean weighs = around && !countPadding;
    if (integer && (around ? countPadding : placement == Placement.VALID)) {
      TensorScale scale = quantized.orElseThrow().scale(node.input());
      int input = tensors.index(node.input(), Layout.CHANNELS_LAST, true);
      layers.mean(node, window, around ? margins.around(node, window, input, scale, 0) : input);
      return;
    }
    if (!integer && points(node, window, false)) {
      return;
    }
    // XNNPACK has no integer kernel for what is left.
    int input = tensors.index(node.input(), Layout.CHANNELS_LAST, false);
    if (around) {
      input = margins.around(node, window, input, null, 0);
    }
    Placement placed = around ? Placement.VALID : placement;
    int output =
        weighs
            ? file.activation(
                node.output() + "_with_margins",
                tensors.shape(node.output(), Layout.CHANNELS_LAST),
                null)
            : tensors.declare(node.output(), Layout.CHANNELS_LAST, false);
    pool(BuiltinOperator.AVERAGE_POOL_2D, false, window, placed, input, output);
    if (weighs) {
      weigh(node, window, output);
    }
  }

  /** Takes back that zeros around were counted: by place, as many more as lie in the margins. */
  private void weigh(Node node, Window window, int withMargins) {
    int[] shape = tensors.shape(node.output(), Layout.CHANNELS_LAST);
    shape[3] = 1;
    float[] factors = new float[shape[1] * shape[2]];
    for (int y = 0; y < shape[1]; y++) {
      for (int x = 0; x < shape[2]; x++) {
        int across = window.rank() - 1;
        float rows = window.rank() == 1 ? 1 : share(node, window, 0, y);
        factors[y * shape[2] + x] = rows * share(node, window, across, x);
      }
    }
    int weights = file.floats(node.output() + "_weights", shape, factors);
    file.operator(
        BuiltinOperator.MUL,
        1,
        new int[] {withMargins, weights},
        tensors.declare(node.output(), Layout.CHANNELS_LAST, false),
        BuiltinOptions.MulOptions,
        new MulOptionsT());
  }

  /** A kernel's size by how much of it lies on the input. */
  private float share(Node node, Window window, int axis, int place) {
    int from = place * window.strides().get(axis) - window.before().get(axis);
    int kernel = window.kernel().get(axis);
    int size = graph.shape(node.input()).dimension(axis + 2);
    int inside = Math.min(from + kernel, size) - Math.max(from, 0);
    return (float) kernel / inside;
  }

  private void pool(
      int operator, boolean integer, Window window, Placement placement, int input, int output) {
    Pool2DOptionsT options = new Pool2DOptionsT();
    options.setPadding(placement == Placement.SAME ? Padding.SAME : Padding.VALID);
    int across = window.rank() - 1;
    options.setFilterWidth(window.kernel().get(across));
    options.setStrideW(window.strides().get(across));
    options.setFilterHeight(window.rank() == 1 ? 1 : window.kernel().getFirst());
    options.setStrideH(window.rank() == 1 ? 1 : window.strides().getFirst());
    file.operator(
        operator,
        integer ? 2 : 1,
        new int[] {input},
        output,
        BuiltinOptions.Pool2DOptions,
        options);
  }

  void global(Node node, boolean integer) {
    ReducerOptionsT options = new ReducerOptionsT();
    options.setKeepDims(true);
    int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    int axes = file.integers(node.output() + "_axes", 1, 2);
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
    file.operator(
        BuiltinOperator.MEAN,
        integer ? 2 : 1,
        new int[] {input, axes},
        output,
        BuiltinOptions.ReducerOptions,
        options);
  }
}
