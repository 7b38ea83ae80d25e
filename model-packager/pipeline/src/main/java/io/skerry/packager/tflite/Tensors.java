package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.TensorScale;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.DequantizeOptionsT;
import org.tensorflow.lite.schema.QuantizeOptionsT;
import org.tensorflow.lite.schema.ReshapeOptionsT;
import org.tensorflow.lite.schema.TransposeOptionsT;

/**
 * The forms in which each tensor of the graph exists in the file: float or integer, in a layout.
 * Missing forms are made from existing ones when they are asked for.
 */
final class Tensors {
  private record Form(String tensor, Layout layout, boolean integer) {}

  private record Rescaled(String tensor, Layout layout, TensorScale scale) {}

  private final Graph graph;
  private final @Nullable QuantizedGraph quantized;
  private final TfliteFile file;
  private final Map<Form, Integer> forms = new HashMap<>();
  private final Map<Rescaled, Integer> rescaled = new HashMap<>();

  Tensors(Graph graph, Optional<QuantizedGraph> quantized, TfliteFile file) {
    this.graph = graph;
    this.quantized = quantized.orElse(null);
    this.file = file;
  }

  /** Whether the tensor exists in this layout, as floats or integers. */
  boolean exists(String tensor, Layout layout) {
    return forms.containsKey(new Form(tensor, layout, false))
        || forms.containsKey(new Form(tensor, layout, true));
  }

  /** The layout in which an operator that takes any reads the tensor. */
  Layout available(String tensor) {
    return exists(tensor, Layout.CHANNELS_LAST) ? Layout.CHANNELS_LAST : Layout.PLAIN;
  }

  /**
   * Where a dimension after the batch lies, of so many: [N,C,(H,)W] or, channels last, [N,H,W,C].
   */
  static int axis(int axis, int rank, Layout layout) {
    if (layout == Layout.PLAIN) {
      return axis;
    }
    return axis == 1 ? 3 : axis + 3 - rank;
  }

  /** Declares a form that the next operator fills. */
  int declare(String tensor, Layout layout, boolean integer) {
    String suffix =
        (layout == Layout.PLAIN ? "" : "_" + layout.name().toLowerCase(java.util.Locale.ROOT))
            + (integer ? "_int8" : "");
    int index =
        file.activation(tensor + suffix, shape(tensor, layout), integer ? scale(tensor) : null);
    forms.put(new Form(tensor, layout, integer), index);
    return index;
  }

  /** Says that another tensor's form is this form too. */
  void alias(String tensor, Layout layout, boolean integer, int index) {
    forms.put(new Form(tensor, layout, integer), index);
  }

  /** The index of a form, made if need be. */
  int index(String tensor, Layout layout, boolean integer) {
    Integer existing = forms.get(new Form(tensor, layout, integer));
    if (existing != null) {
      return existing;
    }
    if (forms.containsKey(new Form(tensor, layout, !integer))) {
      return convertedType(tensor, layout, integer);
    }
    Layout other = layout == Layout.PLAIN ? Layout.CHANNELS_LAST : Layout.PLAIN;
    if (layout == Layout.FLAT_CHANNELS_LAST || !exists(tensor, other)) {
      throw new IllegalStateException("tensor '%s' does not exist yet".formatted(tensor));
    }
    int source = index(tensor, other, integer);
    return layout == Layout.PLAIN
        ? toPlain(tensor, source, integer)
        : toChannelsLast(tensor, source, integer);
  }

  /**
   * The index of an integer form that has the scale of another tensor: quantized once more, where
   * the tensor's own is another.
   */
  int integer(String tensor, Layout layout, String scaledLike) {
    TensorScale wanted = scale(scaledLike);
    if (wanted.equals(scale(tensor))) {
      return index(tensor, layout, true);
    }
    Rescaled form = new Rescaled(tensor, layout, wanted);
    Integer existing = rescaled.get(form);
    if (existing != null) {
      return existing;
    }
    boolean asIntegers =
        forms.keySet().stream().anyMatch(f -> f.tensor.equals(tensor) && f.integer);
    int source = index(tensor, layout, asIntegers);
    String name = "%s_int8_as_%s".formatted(tensor, scaledLike);
    int target = file.activation(name, shape(tensor, layout), wanted);
    quantize(source, target);
    rescaled.put(form, target);
    return target;
  }

  /** Dimensions of a tensor in a layout, for a batch of one. */
  int[] shape(String tensor, Layout layout) {
    Shape shape = graph.shape(tensor);
    return switch (layout) {
      case PLAIN, FLAT_CHANNELS_LAST -> shape.toArray(1);
      case CHANNELS_LAST -> channelsLast(shape);
    };
  }

  static int[] channelsLast(Shape shape) {
    int[] d = shape.toArray(1);
    return d.length == 3 ? new int[] {d[0], 1, d[2], d[1]} : new int[] {d[0], d[2], d[3], d[1]};
  }

  void reshape(int input, int output, int[] shape) {
    ReshapeOptionsT options = new ReshapeOptionsT();
    options.setNewShape(shape);
    int target = file.integers("shape_" + output, shape);
    file.operator(
        BuiltinOperator.RESHAPE,
        1,
        new int[] {input, target},
        output,
        BuiltinOptions.ReshapeOptions,
        options);
  }

  void transpose(int input, int output, boolean integer, int... permutation) {
    int order = file.integers("permutation_" + output, permutation);
    file.operator(
        BuiltinOperator.TRANSPOSE,
        integer ? 2 : 1,
        new int[] {input, order},
        output,
        BuiltinOptions.TransposeOptions,
        new TransposeOptionsT());
  }

  private int convertedType(String tensor, Layout layout, boolean integer) {
    int source = index(tensor, layout, !integer);
    int target = declare(tensor, layout, integer);
    if (integer) {
      quantize(source, target);
    } else {
      file.operator(
          BuiltinOperator.DEQUANTIZE,
          2,
          new int[] {source},
          target,
          BuiltinOptions.DequantizeOptions,
          new DequantizeOptionsT());
    }
    return target;
  }

  private void quantize(int source, int target) {
    file.operator(
        BuiltinOperator.QUANTIZE,
        1,
        new int[] {source},
        target,
        BuiltinOptions.QuantizeOptions,
        new QuantizeOptionsT());
  }

  private int toChannelsLast(String tensor, int source, boolean integer) {
    Shape shape = graph.shape(tensor);
    if (isVector(shape)) {
      int target = declare(tensor, Layout.CHANNELS_LAST, integer);
      reshape(source, target, channelsLast(shape));
      return target;
    }
    if (shape.rank() == 4) {
      int target = declare(tensor, Layout.CHANNELS_LAST, integer);
      transpose(source, target, integer, 0, 2, 3, 1);
      return target;
    }
    int[] swapped = {1, shape.dimension(2), shape.dimension(1)};
    int between = file.activation(tensor + "_swapped", swapped, integer ? scale(tensor) : null);
    transpose(source, between, integer, 0, 2, 1);
    int target = declare(tensor, Layout.CHANNELS_LAST, integer);
    reshape(between, target, channelsLast(shape));
    return target;
  }

  private int toPlain(String tensor, int source, boolean integer) {
    Shape shape = graph.shape(tensor);
    if (isVector(shape)) {
      int target = declare(tensor, Layout.PLAIN, integer);
      reshape(source, target, shape.toArray(1));
      return target;
    }
    if (shape.rank() == 4) {
      int target = declare(tensor, Layout.PLAIN, integer);
      transpose(source, target, integer, 0, 3, 1, 2);
      return target;
    }
    int[] squeezed = {1, shape.dimension(2), shape.dimension(1)};
    int between = file.activation(tensor + "_squeezed", squeezed, integer ? scale(tensor) : null);
    reshape(source, between, squeezed);
    int target = declare(tensor, Layout.PLAIN, integer);
    transpose(between, target, integer, 0, 2, 1);
    return target;
  }

  /** Whether channels first and last are the same order: one channel, or one place. */
  static boolean isVector(Shape shape) {
    List<Integer> spatial = shape.dimensions().subList(2, shape.rank());
    return shape.dimension(1) == 1 || spatial.stream().allMatch(size -> size == 1);
  }

  private TensorScale scale(String tensor) {
    if (quantized == null) {
      throw new IllegalStateException("a float file has no integer tensors");
    }
    return quantized.scale(tensor);
  }
}
