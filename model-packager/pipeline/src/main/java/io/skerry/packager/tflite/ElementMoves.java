package io.skerry.packager.tflite;

import io.skerry.packager.quantize.TensorScale;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.ConcatenationOptionsT;
import org.tensorflow.lite.schema.SliceOptionsT;

/**
 * Operators that only put elements elsewhere, said in those that XNNPACK takes: it knows no PADV2,
 * no STRIDED_SLICE with steps and no RESIZE_NEAREST_NEIGHBOR.
 *
 * @param name of the tensor that is made, from which those between have theirs
 * @param scale of integers
 */
record ElementMoves(TfliteFile file, Tensors tensors, String name, @Nullable TensorScale scale) {
  /** It puts together at most as many at once. */
  private static final int PARTS_MAX = 4;

  /** Elements of margins that are stored: 1 MiB of floats. */
  private static final int MARGINS_MAX = 1 << 18;

  /**
   * Whether margins can be put around: not so many that the file would consist of them, nor in the
   * last dimension, where they would be copied a few elements at a time, if there is another.
   */
  static boolean canBeAround(int[] shape, int[] pairs) {
    int last = shape.length - 1;
    long made = 1;
    long rows = 1;
    for (int axis = 0; axis <= last; axis++) {
      made *= shape[axis] + pairs[2 * axis] + pairs[2 * axis + 1];
      rows *= axis < last ? shape[axis] + pairs[2 * axis] + pairs[2 * axis + 1] : 1;
    }
    boolean beside = pairs[2 * last] + pairs[2 * last + 1] > 0;
    return made - elements(shape) <= MARGINS_MAX && (!beside || rows == 1);
  }

  private static int elements(int[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  /**
   * Puts a value around, as tensors of nothing else that are put beside.
   *
   * @param pairs elements before and after, two numbers per dimension
   */
  void around(int input, int[] shape, int[] pairs, float value, int output) {
    int[] axes =
        IntStream.range(0, shape.length)
            .filter(axis -> pairs[2 * axis] + pairs[2 * axis + 1] > 0)
            .toArray();
    int[] made = shape.clone();
    int source = input;
    for (int axis : axes) {
      int[] operands = {
        margin(made, axis, pairs[2 * axis], value, "before"),
        source,
        margin(made, axis, pairs[2 * axis + 1], value, "after")
      };
      made[axis] += pairs[2 * axis] + pairs[2 * axis + 1];
      boolean last = axis == axes[axes.length - 1];
      source = last ? output : between("around" + axis, made);
      concat(axis, source, Arrays.stream(operands).filter(i -> i >= 0).toArray());
    }
  }

  private int margin(int[] shape, int axis, int size, float value, String end) {
    if (size == 0) {
      return -1;
    }
    int[] own = shape.clone();
    own[axis] = size;
    String title = "%s_%s%d".formatted(name, end, axis);
    if (scale == null) {
      float[] values = new float[elements(own)];
      Arrays.fill(values, value);
      return file.floats(title, own, values);
    }
    byte[] values = new byte[elements(own)];
    Arrays.fill(values, (byte) scale.quantized(value));
    return file.bytes(title, own, values, scale);
  }

  /** Every row and every column of [1,H,W,C] so many times, one after the other. */
  void repeated(int input, int[] shape, int rows, int columns, int output) {
    int height = shape[1];
    int width = shape[2];
    int channels = shape[3];
    int source = input;
    if (columns > 1) {
      source = copies(source, new int[] {1, height, width, channels}, 3, columns, "columns");
      if (rows == 1) {
        tensors.reshape(source, output, new int[] {1, height, columns * width, channels});
        return;
      }
      source = reshaped(source, "row", 1, height, 1, columns * width * channels);
    } else {
      source = reshaped(source, "row", 1, height, 1, width * channels);
    }
    int[] row = {1, height, 1, columns * width * channels};
    source = copies(source, row, 2, rows, "rows");
    tensors.reshape(source, output, new int[] {1, rows * height, columns * width, channels});
  }

  /** The tensor so many times along a dimension. */
  private int copies(int source, int[] shape, int axis, int times, String what) {
    if (times == 1) {
      return source;
    }
    int parts = Math.min(times, PARTS_MAX);
    int[] operands = new int[parts];
    for (int part = 0; part < parts; part++) {
      int of = times / parts + (part < times % parts ? 1 : 0);
      operands[part] = copies(source, shape, axis, of, what + part);
    }
    int[] made = shape.clone();
    made[axis] *= times;
    int target = between(what, made);
    concat(axis, target, operands);
    return target;
  }

  /**
   * Whether steps fall into whole groups of as many elements. Other places would have to be cut and
   * filled first, and single elements of the last dimension be gathered: TFLite's own kernel, which
   * copies what is wanted alone, takes less time.
   */
  static boolean isInGroups(int[] shape, int[] begin, int[] size, int[] steps) {
    return steps[steps.length - 1] == 1
        && IntStream.range(0, shape.length)
            .allMatch(
                i -> steps[i] == 1 || (begin[i] < steps[i] && size[i] * steps[i] == shape[i]));
  }

  /**
   * Takes elements a step apart along each dimension: the tensor is seen in groups of as many, the
   * groups' elements along the next dimension, and one of each group is cut out.
   */
  void apart(int input, int[] shape, int[] begin, int[] size, int[] steps, int output) {
    int[] grouped = shape.clone();
    int[] from = begin.clone();
    for (int axis = 0; axis < shape.length - 1; axis++) {
      if (steps[axis] > 1) {
        from[axis] = 0;
        grouped[axis] = size[axis];
      }
    }
    for (int axis = shape.length - 1; axis > 0; axis--) {
      if (steps[axis - 1] > 1) {
        from[axis] += begin[axis - 1] * grouped[axis];
        grouped[axis] *= steps[axis - 1];
      }
    }
    int source = reshaped(input, "grouped", grouped);
    file.operator(
        BuiltinOperator.SLICE,
        version(),
        new int[] {
          source, file.integers(name + "_begin", from), file.integers(name + "_sizes", size)
        },
        output,
        BuiltinOptions.SliceOptions,
        new SliceOptionsT());
  }

  private int reshaped(int source, String what, int... shape) {
    int target = between(what, shape);
    tensors.reshape(source, target, shape);
    return target;
  }

  private void concat(int axis, int output, int... operands) {
    ConcatenationOptionsT options = new ConcatenationOptionsT();
    options.setAxis(axis);
    file.operator(
        BuiltinOperator.CONCATENATION,
        version(),
        operands,
        output,
        BuiltinOptions.ConcatenationOptions,
        options);
  }

  private int between(String what, int... shape) {
    return file.activation("%s_%s".formatted(name, what), shape, scale);
  }

  private int version() {
    return scale == null ? 1 : 2;
  }
}
