package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.TensorScale;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.PadOptionsT;
import org.tensorflow.lite.schema.PadV2OptionsT;
import org.tensorflow.lite.schema.ResizeBilinearOptionsT;
import org.tensorflow.lite.schema.ResizeNearestNeighborOptionsT;
import org.tensorflow.lite.schema.SliceOptionsT;
import org.tensorflow.lite.schema.StridedSliceOptionsT;

/** Operators that change a tensor's size. */
final class SpatialOperators {
  private final Graph graph;
  private final Optional<QuantizedGraph> quantized;
  private final TfliteFile file;
  private final Tensors tensors;

  SpatialOperators(
      Graph graph, Optional<QuantizedGraph> quantized, TfliteFile file, Tensors tensors) {
    this.graph = graph;
    this.quantized = quantized;
    this.file = file;
    this.tensors = tensors;
  }

  void pad(Node node, Op.Pad pad, boolean integer) {
    Layout layout = tensors.available(node.input());
    TensorScale scale = integer ? quantized.orElseThrow().scale(node.output()) : null;
    int input =
        integer
            ? tensors.integer(node.input(), layout, node.output())
            : tensors.index(node.input(), layout, false);
    int[] pairs = new int[2 * tensors.shape(node.input(), layout).length];
    for (int axis = 1; axis < pad.before().size(); axis++) {
      int at = Tensors.axis(axis, pad.before().size(), layout);
      pairs[2 * at] = pad.before().get(axis);
      pairs[2 * at + 1] = pad.after().get(axis);
    }
    int amounts = file.integerPairs(node.output() + "_padding", pairs);
    int output = tensors.declare(node.output(), layout, integer);
    if (pad.value() == 0 || Arrays.stream(pairs).allMatch(elements -> elements == 0)) {
      file.operator(
          BuiltinOperator.PAD,
          integer ? 2 : 1,
          new int[] {input, amounts},
          output,
          BuiltinOptions.PadOptions,
          new PadOptionsT());
      return;
    }
    int[] from = tensors.shape(node.input(), layout);
    if (ElementMoves.canBeAround(from, pairs)) {
      moves(node, scale).around(input, from, pairs, pad.value(), output);
      return;
    }
    int value = file.number(node.output() + "_value", pad.value(), scale);
    file.operator(
        BuiltinOperator.PADV2,
        integer ? 2 : 1,
        new int[] {input, amounts, value},
        output,
        BuiltinOptions.PadV2Options,
        new PadV2OptionsT());
  }

  void slice(Node node, Op.Slice slice, boolean integer) {
    Layout layout = tensors.available(node.input());
    int input = tensors.index(node.input(), layout, integer);
    int[] size = tensors.shape(node.output(), layout);
    int[] begin = new int[size.length];
    int[] end = size.clone();
    int[] steps = new int[size.length];
    Arrays.fill(steps, 1);
    for (int axis = 1; axis <= slice.begin().size(); axis++) {
      int at = Tensors.axis(axis, slice.begin().size() + 1, layout);
      begin[at] = slice.begin().get(axis - 1);
      end[at] = slice.end(axis - 1);
      steps[at] = slice.steps().get(axis - 1);
    }
    int from = file.integers(node.output() + "_begin", begin);
    if (Arrays.stream(steps).allMatch(step -> step == 1)) {
      file.operator(
          BuiltinOperator.SLICE,
          integer ? 2 : 1,
          new int[] {input, from, file.integers(node.output() + "_sizes", size)},
          tensors.declare(node.output(), layout, integer),
          BuiltinOptions.SliceOptions,
          new SliceOptionsT());
      return;
    }
    int output = tensors.declare(node.output(), layout, integer);
    int[] shape = tensors.shape(node.input(), layout);
    if (ElementMoves.isInGroups(shape, begin, size, steps)) {
      TensorScale scale = integer ? quantized.orElseThrow().scale(node.output()) : null;
      moves(node, scale).apart(input, shape, begin, size, steps, output);
      return;
    }
    file.operator(
        BuiltinOperator.STRIDED_SLICE,
        integer ? 2 : 1,
        new int[] {
          input,
          from,
          file.integers(node.output() + "_end", end),
          file.integers(node.output() + "_steps", steps)
        },
        output,
        BuiltinOptions.StridedSliceOptions,
        new StridedSliceOptionsT());
  }

  void resize(Node node, Op.Resize resize, boolean integer) {
    ResizePlaces places = places(node, resize);
    int input = tensors.index(node.input(), Layout.CHANNELS_LAST, integer);
    int[] shape = tensors.shape(node.output(), Layout.CHANNELS_LAST);
    int size = file.integers(node.output() + "_size", shape[1], shape[2]);
    int output = tensors.declare(node.output(), Layout.CHANNELS_LAST, integer);
    int[] inputs = {input, size};
    if (resize.mode().equals("linear")) {
      ResizeBilinearOptionsT options = new ResizeBilinearOptionsT();
      options.setAlignCorners(places.alignCorners());
      options.setHalfPixelCenters(places.halfPixelCenters());
      file.operator(
          BuiltinOperator.RESIZE_BILINEAR,
          places.halfPixelCenters() ? 3 : integer ? 2 : 1,
          inputs,
          output,
          BuiltinOptions.ResizeBilinearOptions,
          options);
    } else {
      int[] from = tensors.shape(node.input(), Layout.CHANNELS_LAST);
      if (places.areRepeated(from[1], shape[1]) && places.areRepeated(from[2], shape[2])) {
        TensorScale scale = integer ? quantized.orElseThrow().scale(node.output()) : null;
        moves(node, scale).repeated(input, from, shape[1] / from[1], shape[2] / from[2], output);
        return;
      }
      ResizeNearestNeighborOptionsT options = new ResizeNearestNeighborOptionsT();
      options.setAlignCorners(places.alignCorners());
      options.setHalfPixelCenters(places.halfPixelCenters());
      file.operator(
          BuiltinOperator.RESIZE_NEAREST_NEIGHBOR,
          places.alignCorners() || places.halfPixelCenters() ? 3 : integer ? 2 : 1,
          inputs,
          output,
          BuiltinOptions.ResizeNearestNeighborOptions,
          options);
    }
  }

  private ElementMoves moves(Node node, @Nullable TensorScale scale) {
    return new ElementMoves(file, tensors, node.output(), scale);
  }

  /** The format's way of finding places that finds those of this operator, if there is one. */
  private ResizePlaces places(Node node, Op.Resize resize) {
    Shape before = graph.shape(node.input());
    Shape after = graph.shape(node.output());
    for (ResizePlaces places : ResizePlaces.ALL) {
      if (places.areThoseOf(resize, before.dimensions(), after.dimensions())) {
        return places;
      }
    }
    throw new ModelRefusedException(
        "%s to %s by %s, %s, %s at scales %s finds other places than the format can: %s"
            .formatted(
                before,
                after,
                resize.mode(),
                resize.coordinates(),
                resize.rounding(),
                resize.scales(),
                "use whole scales and half_pixel, or let the profile name an ONNX Runtime"
                    + " candidate"));
  }
}
