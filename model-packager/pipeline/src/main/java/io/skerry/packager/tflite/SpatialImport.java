package io.skerry.packager.tflite;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.Padding;
import org.tensorflow.lite.schema.ResizeBilinearOptionsT;
import org.tensorflow.lite.schema.ResizeNearestNeighborOptionsT;
import org.tensorflow.lite.schema.StridedSliceOptionsT;
import org.tensorflow.lite.schema.TransposeConvOptionsT;

/**
 * What operators of the format that change a tensor's size are called here.
 *
 * <p>{@code order} says in which order the dimensions of a tensor of the file lie in the graph.
 */
final class SpatialImport {
  private SpatialImport() {}

  static Op pad(int[] amounts, float value, List<Integer> order) {
    if (amounts.length != 2 * order.size() || Arrays.stream(amounts).anyMatch(n -> n < 0)) {
      throw new ModelRefusedException(
          "paddings %s do not fit %d dimensions: export the model again"
              .formatted(Arrays.toString(amounts), order.size()));
    }
    List<Integer> before = order.stream().map(axis -> amounts[2 * axis]).toList();
    List<Integer> after = order.stream().map(axis -> amounts[2 * axis + 1]).toList();
    return new Op.Pad(before, after, value);
  }

  /**
   * Constants of one value that are put before and after a tensor.
   *
   * @param parts along the axis; absent is the tensor, once
   * @param shape of the tensor
   */
  static Op margins(List<Optional<Constant>> parts, int[] shape, int axis, List<Integer> order) {
    if (axis < 1 || axis >= shape.length) {
      throw ModelRefusedException.ofPart(
          "axis %d is not one after the batch of %s".formatted(axis, Arrays.toString(shape)));
    }
    int[] amounts = new int[2 * order.size()];
    float around = 0;
    boolean found = false;
    int end = 2 * axis;
    for (Optional<Constant> part : parts) {
      if (part.isEmpty()) {
        end++;
        continue;
      }
      Constant margin = part.get();
      if (!fitsBeside(margin, shape, axis)) {
        throw ModelRefusedException.ofPart(
            "a constant of shape %s does not fit beside %s"
                .formatted(margin.shape(), Arrays.toString(shape)));
      }
      around = found ? around : margin.at(0);
      found = true;
      for (float value : margin.values()) {
        if (value != around) {
          throw new ModelRefusedException(
              "it puts constants beside a tensor that are not all of one value: add them to a tensor that is padded, or export the model without them");
        }
      }
      amounts[end] += margin.shape().dimension(axis);
    }
    return pad(amounts, around, order);
  }

  private static boolean fitsBeside(Constant margin, int[] shape, int axis) {
    boolean fits = margin.size() > 0 && margin.shape().rank() == shape.length;
    for (int i = 0; fits && i < shape.length; i++) {
      fits = i == axis || margin.shape().dimension(i) == shape[i];
    }
    return fits;
  }

  /** {@code size} is -1 where all that is left is meant. */
  static Op slice(int[] shape, int[] begin, int[] size, List<Integer> order) {
    checkRank(shape, begin, size);
    if (begin[0] != 0 || (size[0] != -1 && size[0] != shape[0])) {
      throw new ModelRefusedException("it slices the batch: slice other dimensions only");
    }
    int[] left = new int[shape.length];
    int[] steps = new int[shape.length];
    for (int axis = 0; axis < shape.length; axis++) {
      left[axis] = size[axis] == -1 ? shape[axis] - begin[axis] : size[axis];
      steps[axis] = 1;
    }
    return inOrder(begin, left, steps, order);
  }

  static Op stridedSlice(
      StridedSliceOptionsT options,
      int[] shape,
      int[] begin,
      int[] end,
      int[] steps,
      List<Integer> order) {
    checkRank(shape, begin, end);
    checkRank(shape, begin, steps);
    if (options.getEllipsisMask() != 0
        || options.getNewAxisMask() != 0
        || options.getShrinkAxisMask() != 0
        || options.getOffset()
        || Arrays.stream(steps).anyMatch(step -> step < 1)) {
      throw ModelRefusedException.ofPart(
          "only slices that keep all dimensions and go forwards are supported");
    }
    int[] from = new int[shape.length];
    int[] size = new int[shape.length];
    for (int axis = 0; axis < shape.length; axis++) {
      int whole = shape[axis];
      boolean open = (options.getEndMask() >> axis & 1) == 1;
      from[axis] = (options.getBeginMask() >> axis & 1) == 1 ? 0 : inside(begin[axis], whole);
      int to = open ? whole : inside(end[axis], whole);
      size[axis] = Math.max(0, Math.ceilDiv(to - from[axis], steps[axis]));
    }
    if (from[0] != 0 || size[0] != shape[0]) {
      throw new ModelRefusedException("it slices the batch: slice other dimensions only");
    }
    return inOrder(from, size, steps, order);
  }

  private static int inside(int place, int whole) {
    return Math.clamp(place < 0 ? place + whole : place, 0, whole);
  }

  private static Op inOrder(int[] begin, int[] size, int[] steps, List<Integer> order) {
    List<Integer> rest = order.subList(1, order.size());
    return new Op.Slice(
        rest.stream().map(axis -> begin[axis]).toList(),
        rest.stream().map(axis -> size[axis]).toList(),
        rest.stream().map(axis -> steps[axis]).toList());
  }

  private static void checkRank(int[] shape, int[] first, int[] second) {
    if (first.length != shape.length || second.length != shape.length) {
      throw new ModelRefusedException(
          "%s and %s do not fit shape %s: export the model again"
              .formatted(Arrays.toString(first), Arrays.toString(second), Arrays.toString(shape)));
    }
  }

  /** From one feature map [N,H,W,C] to another. */
  static Op resize(int code, OperatorT operator, int[] from, int[] to) {
    List<Float> scales =
        List.of(1f, 1f, Op.Resize.scale(from[1], to[1]), Op.Resize.scale(from[2], to[2]));
    if (code == BuiltinOperator.RESIZE_BILINEAR) {
      ResizeBilinearOptionsT options = operator.getBuiltinOptions().asResizeBilinearOptions();
      ResizePlaces places = places(options.getAlignCorners(), options.getHalfPixelCenters());
      return new Op.Resize("linear", places.coordinates(), "floor", scales);
    }
    ResizeNearestNeighborOptionsT options =
        operator.getBuiltinOptions().asResizeNearestNeighborOptions();
    ResizePlaces places = places(options.getAlignCorners(), options.getHalfPixelCenters());
    Op.Resize resize = new Op.Resize("nearest", places.coordinates(), places.rounding(), scales);
    // Where values are mixed, an error of rounding stays one; here it would show another pixel.
    List<Float> bySize = List.of(1f, 1f, (float) to[1] / from[1], (float) to[2] / from[2]);
    for (List<Float> either : List.of(scales, bySize)) {
      if (!places.areThoseOf(
          new Op.Resize("nearest", resize.coordinates(), resize.rounding(), either),
          List.of(1, 1, from[1], from[2]),
          List.of(1, 1, to[1], to[2]))) {
        throw new ModelRefusedException(
            "from %s to %s, ONNX Runtime would show other places: use whole scales"
                .formatted(Arrays.toString(from), Arrays.toString(to)));
      }
    }
    return resize;
  }

  private static ResizePlaces places(boolean alignCorners, boolean halfPixelCenters) {
    if (alignCorners && halfPixelCenters) {
      throw ModelRefusedException.ofPart("its corners cannot be aligned and its pixels be centred");
    }
    return new ResizePlaces(alignCorners, halfPixelCenters);
  }

  /**
   * From one feature map [N,H,W,C] to another.
   *
   * @param kernel height and width
   */
  static Op transposed(TransposeConvOptionsT options, int[] kernel, int[] from, int[] to) {
    List<Integer> strides = List.of(options.getStrideH(), options.getStrideW());
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    List<Integer> more = new ArrayList<>();
    for (int axis = 0; axis < 2; axis++) {
      int beyond = strides.get(axis) * (from[axis + 1] - 1) + kernel[axis] - to[axis + 1];
      int cut = Math.max(0, beyond);
      int first = options.getPadding() == Padding.SAME ? cut / 2 : 0;
      before.add(first);
      after.add(cut - first);
      more.add(Math.max(0, -beyond));
    }
    List<Integer> size = List.of(kernel[0], kernel[1]);
    Window window = new Window(size, strides, List.of(1, 1), before, after);
    return new Op.ConvTranspose(window, more, 1);
  }
}
