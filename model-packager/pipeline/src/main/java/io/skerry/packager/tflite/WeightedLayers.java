package io.skerry.packager.tflite;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.QuantizedLayer;
import io.skerry.packager.quantize.TensorScale;
import java.util.Arrays;
import java.util.Optional;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.Conv2DOptionsT;
import org.tensorflow.lite.schema.DepthwiseConv2DOptionsT;
import org.tensorflow.lite.schema.FullyConnectedOptionsT;
import org.tensorflow.lite.schema.Padding;
import org.tensorflow.lite.schema.SliceOptionsT;
import org.tensorflow.lite.schema.TransposeConvOptionsT;

/** Convolutions and dense layers. */
final class WeightedLayers {
  private static final int CONV_VERSION_INT8 = 3;

  /** An engine of before has no kernel that reads channels in groups. */
  private static final int CONV_VERSION_GROUPS = 6;

  private static final int DENSE_VERSION_INT8 = 4;
  private static final int TRANSPOSED_VERSION_WITH_BIAS = 3;
  private static final byte MEAN_WEIGHT = 127;

  /** Weights of a transposed convolution, zeros included: 64 MiB. */
  private static final int FILTER_MAX = 1 << 24;

  private final Graph graph;
  private final Optional<QuantizedGraph> quantized;
  private final TfliteFile file;
  private final Tensors tensors;

  WeightedLayers(
      Graph graph, Optional<QuantizedGraph> quantized, TfliteFile file, Tensors tensors) {
    this.graph = graph;
    this.quantized = quantized;
    this.file = file;
    this.tensors = tensors;
  }

  void conv(Node node, Op.Conv conv, boolean integer) {
    Shape input = graph.shape(node.input());
    Shape weights = graph.shape(node.inputs().get(1));
    boolean depthwise = conv.group() > 1 && conv.group() == input.dimension(1);
    Placement placement = Placement.of(conv.window(), input);
    int source = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    if (placement == Placement.EXPLICIT) {
      TensorScale scale = integer ? quantized.orElseThrow().scale(node.input()) : null;
      source = new Margins(file, tensors).around(node, conv.window(), source, scale, 0);
    }
    int filter = filter(node, weights, depthwise, integer);
    int bias = bias(node, weights.dimension(0), integer);
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
    byte padding = placement == Placement.SAME ? Padding.SAME : Padding.VALID;
    int[] inputs = {source, filter, bias};
    if (depthwise) {
      depthwise(node, conv, weights.dimension(0) / conv.group(), padding, inputs, output, integer);
    } else {
      ordinary(node, conv.window(), padding, inputs, output, integer);
    }
  }

  /**
   * A transposed convolution. The format knows neither groups nor gaps in the kernel: both are
   * filled with zeros. Its own padding is none or as little as covers the output; where that is
   * another, all is computed and the edges are cut off.
   */
  void transposed(Node node, Op.ConvTranspose conv, boolean integer) {
    Window window = conv.window();
    Shape before = graph.shape(node.input());
    Shape after = graph.shape(node.output());
    int source = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    int filter = transposedFilter(node, conv, after.dimension(1), integer);
    int bias = bias(node, after.dimension(1), integer);
    boolean same = true;
    boolean whole = true;
    int[] full = tensors.shape(node.output(), Layout.CHANNELS_LAST);
    int[] begin = new int[full.length];
    for (int axis = 0; axis < window.rank(); axis++) {
      int stride = window.strides().get(axis);
      int size = after.dimension(axis + 2);
      int all = stride * (before.dimension(axis + 2) - 1) + window.span(axis);
      int cut = window.before().get(axis);
      same &=
          all >= size
              && cut == (all - size) / 2
              && (size + stride - 1) / stride == before.dimension(axis + 2);
      whole &= cut == 0 && size >= all;
      if (cut + size - all >= stride) {
        throw new ModelRefusedException(
            "its output_padding %s is not less than its strides %s: %s"
                .formatted(conv.more(), window.strides(), "pad after it instead"));
      }
      int at = Tensors.axis(axis + 2, after.rank(), Layout.CHANNELS_LAST);
      begin[at] = cut;
      full[at] = Math.max(all, cut + size);
    }
    boolean direct = same || whole;
    int output =
        direct
            ? tensors.declare(node.output(), Layout.CHANNELS_LAST, integer)
            : file.activation(
                node.output() + "_uncut",
                full,
                integer ? quantized.orElseThrow().scale(node.output()) : null);
    int[] made = direct ? tensors.shape(node.output(), Layout.CHANNELS_LAST) : full;
    TransposeConvOptionsT options = new TransposeConvOptionsT();
    options.setPadding(same && !whole ? Padding.SAME : Padding.VALID);
    options.setStrideW(window.strides().getLast());
    options.setStrideH(window.rank() == 1 ? 1 : window.strides().getFirst());
    file.operator(
        BuiltinOperator.TRANSPOSE_CONV,
        TRANSPOSED_VERSION_WITH_BIAS,
        new int[] {file.integers(node.output() + "_shape", made), filter, source, bias},
        output,
        BuiltinOptions.TransposeConvOptions,
        options);
    if (!direct) {
      int[] size = tensors.shape(node.output(), Layout.CHANNELS_LAST);
      file.operator(
          BuiltinOperator.SLICE,
          integer ? 2 : 1,
          new int[] {
            output,
            file.integers(node.output() + "_begin", begin),
            file.integers(node.output() + "_cut", size)
          },
          tensors.declare(node.output(), Layout.CHANNELS_LAST, integer),
          BuiltinOptions.SliceOptions,
          new SliceOptionsT());
    }
  }

  /** [I,O/group,H,W] becomes [O,H,W,I]. */
  private int transposedFilter(Node node, Op.ConvTranspose conv, int outputs, boolean integer) {
    Window window = conv.window();
    Constant weights = graph.constant(node.inputs().get(1)).orElseThrow();
    int inputs = weights.shape().dimension(0);
    int rows = window.rank() == 1 ? 1 : window.kernel().getFirst();
    int columns = window.kernel().getLast();
    int height = window.rank() == 1 ? 1 : window.span(0);
    int width = window.span(window.rank() - 1);
    if ((long) outputs * height * width * inputs > FILTER_MAX) {
      throw new ModelRefusedException(
          "%d groups with dilations %s would be more than %d weights: %s"
              .formatted(
                  conv.group(),
                  window.dilations(),
                  FILTER_MAX,
                  "let the profile name an ONNX Runtime candidate"));
    }
    Optional<QuantizedLayer> layer =
        integer ? quantized.orElseThrow().layer(node) : Optional.empty();
    byte[] integers = layer.map(QuantizedLayer::weights).orElseGet(() -> new byte[0]);
    float[] filled = new float[outputs * height * width * inputs];
    int perGroup = outputs / conv.group();
    int i = 0;
    for (int input = 0; input < inputs; input++) {
      int group = input / (inputs / conv.group());
      for (int o = group * perGroup; o < (group + 1) * perGroup; o++) {
        for (int y = 0; y < rows; y++) {
          int row = window.rank() == 1 ? 0 : y * window.dilations().getFirst();
          for (int x = 0; x < columns; x++) {
            int column = x * window.dilations().getLast();
            int at = ((o * height + row) * width + column) * inputs + input;
            filled[at] = integer ? integers[i] : weights.at(i);
            i++;
          }
        }
      }
    }
    int[] shape = {outputs, height, width, inputs};
    String name = node.output() + "_weights";
    return layer.isPresent()
        ? file.weights(name, shape, narrowed(filled), layer.get().scales(), 0)
        : file.floats(name, shape, filled);
  }

  /**
   * The integer mean of each window, as a depthwise convolution of equal weights: XNNPACK takes
   * that over, but no integer AVERAGE_POOL_2D.
   *
   * @param source integers channels last, with margins around where the window has such
   */
  void mean(Node node, Window window, int source) {
    int channels = graph.shape(node.input()).dimension(1);
    int across = window.rank() - 1;
    int height = window.rank() == 1 ? 1 : window.kernel().getFirst();
    int width = window.kernel().get(across);
    byte[] ones = new byte[height * width * channels];
    Arrays.fill(ones, MEAN_WEIGHT);
    float[] scales = new float[channels];
    Arrays.fill(scales, 1f / (MEAN_WEIGHT * height * width));
    float[] biasScales = new float[channels];
    Arrays.fill(biasScales, quantized.orElseThrow().scale(node.input()).scale() * scales[0]);
    int filter =
        file.weights(
            node.output() + "_weights", new int[] {1, height, width, channels}, ones, scales, 3);
    int bias = file.bias(node.output() + "_bias", new int[channels], biasScales);
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, true);
    Op.Conv conv = new Op.Conv(window, channels);
    depthwise(node, conv, 1, Padding.VALID, new int[] {source, filter, bias}, output, true);
  }

  private void ordinary(
      Node node, Window window, byte padding, int[] inputs, int output, boolean integer) {
    Conv2DOptionsT options = new Conv2DOptionsT();
    int across = window.rank() - 1;
    boolean flat = window.rank() == 1;
    options.setPadding(padding);
    options.setStrideW(window.strides().get(across));
    options.setDilationWFactor(window.dilations().get(across));
    options.setStrideH(flat ? 1 : window.strides().getFirst());
    options.setDilationHFactor(flat ? 1 : window.dilations().getFirst());
    options.setFusedActivationFunction(TfliteExport.fused(node.activation()));
    file.operator(
        BuiltinOperator.CONV_2D,
        node.op().groups() > 1 ? CONV_VERSION_GROUPS : integer ? CONV_VERSION_INT8 : 1,
        inputs,
        output,
        BuiltinOptions.Conv2DOptions,
        options);
  }

  private void depthwise(
      Node node,
      Op.Conv conv,
      int multiplier,
      byte padding,
      int[] inputs,
      int output,
      boolean integer) {
    DepthwiseConv2DOptionsT options = new DepthwiseConv2DOptionsT();
    Window window = conv.window();
    int across = window.rank() - 1;
    boolean flat = window.rank() == 1;
    boolean dilated = window.dilations().stream().anyMatch(d -> d > 1);
    options.setPadding(padding);
    options.setDepthMultiplier(multiplier);
    // The format knows one stride for both dimensions here; for height one any stride is the same.
    options.setStrideW(window.strides().get(across));
    options.setStrideH(flat ? window.strides().get(across) : window.strides().getFirst());
    options.setDilationWFactor(window.dilations().get(across));
    options.setDilationHFactor(flat ? 1 : window.dilations().getFirst());
    options.setFusedActivationFunction(TfliteExport.fused(node.activation()));
    int floatVersion = dilated ? 2 : 1;
    file.operator(
        BuiltinOperator.DEPTHWISE_CONV_2D,
        integer ? CONV_VERSION_INT8 : floatVersion,
        inputs,
        output,
        BuiltinOptions.DepthwiseConv2DOptions,
        options);
  }

  /** [O,I,H,W] becomes [O,H,W,I]; of a depthwise one, [O,1,H,W] becomes [1,H,W,O]. */
  private int filter(Node node, Shape weights, boolean depthwise, boolean integer) {
    boolean flat = weights.rank() == 3;
    int outputs = weights.dimension(0);
    int height = flat ? 1 : weights.dimension(2);
    int width = weights.dimension(weights.rank() - 1);
    int[] order = flat ? new int[] {0, 2, 1} : new int[] {0, 2, 3, 1};
    int[] shape = {outputs, height, width, weights.dimension(1)};
    if (depthwise) {
      order = flat ? new int[] {1, 2, 0} : new int[] {1, 2, 3, 0};
      shape = new int[] {1, height, width, outputs};
    }
    return filter(node, weights, order, shape, depthwise ? 3 : 0, integer);
  }

  private int filter(
      Node node, Shape view, int[] order, int[] shape, int dimension, boolean integer) {
    String name = node.output() + "_weights";
    Constant weights = graph.constant(node.inputs().get(1)).orElseThrow().reshaped(view);
    if (!integer) {
      return file.floats(name, shape, weights.transposed(order).values());
    }
    QuantizedLayer layer = quantized.orElseThrow().layer(node).orElseThrow();
    byte[] integers = layer.weights();
    float[] widened = new float[integers.length];
    for (int i = 0; i < integers.length; i++) {
      widened[i] = integers[i];
    }
    Constant moved = Constant.of(view, widened).transposed(order);
    return file.weights(name, shape, narrowed(moved.values()), layer.scales(), dimension);
  }

  private static byte[] narrowed(float[] integers) {
    byte[] narrowed = new byte[integers.length];
    for (int i = 0; i < narrowed.length; i++) {
      narrowed[i] = (byte) integers[i];
    }
    return narrowed;
  }

  private int bias(Node node, int outputs, boolean integer) {
    String name = node.output() + "_bias";
    if (integer) {
      QuantizedLayer layer = quantized.orElseThrow().layer(node).orElseThrow();
      return file.bias(name, layer.bias().orElseGet(() -> new int[outputs]), layer.biasScales());
    }
    float[] values =
        node.inputs().size() > 2
            ? graph.constant(node.inputs().get(2)).orElseThrow().values()
            : new float[outputs];
    return file.floats(name, new int[] {outputs}, values);
  }

  void dense(Node node, boolean integer) {
    Shape weights = graph.shape(node.inputs().get(1));
    int outputs = weights.dimension(0);
    int inputs = weights.dimension(1);
    Layout layout =
        tensors.exists(node.input(), Layout.FLAT_CHANNELS_LAST)
            ? Layout.FLAT_CHANNELS_LAST
            : Layout.PLAIN;
    int source = tensors.index(node.input(), layout, integer);
    int filter =
        layout == Layout.PLAIN
            ? filter(node, weights, new int[] {0, 1}, new int[] {outputs, inputs}, 0, integer)
            : flattenedFilter(node, outputs, inputs, integer);
    int bias = bias(node, outputs, integer);
    int output = tensors.declare(node.output(), Layout.PLAIN, integer);
    FullyConnectedOptionsT options = new FullyConnectedOptionsT();
    options.setFusedActivationFunction(TfliteExport.fused(node.activation()));
    file.operator(
        BuiltinOperator.FULLY_CONNECTED,
        integer ? DENSE_VERSION_INT8 : 1,
        new int[] {source, filter, bias},
        output,
        BuiltinOptions.FullyConnectedOptions,
        options);
  }

  /** Columns in the order in which a channels-last feature map flattens. */
  private int flattenedFilter(Node node, int outputs, int inputs, boolean integer) {
    Node flatten = graph.producer(node.input()).orElseThrow();
    int channels = graph.shape(flatten.input()).dimension(1);
    Shape view = Shape.of(outputs, channels, inputs / channels);
    return filter(node, view, new int[] {0, 2, 1}, new int[] {outputs, inputs}, 0, integer);
  }
}
