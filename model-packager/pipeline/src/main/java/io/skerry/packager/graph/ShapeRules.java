package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.List;

/** Shape of each operator's output. */
final class ShapeRules {
  private ShapeRules() {}

  static Shape outputOf(Op op, List<Shape> inputs) {
    Shape x = inputs.getFirst();
    return switch (op) {
      case Op.Binary binary -> broadcast(x, inputs.get(1));
      case Op.Conv conv -> conv(conv, x, inputs);
      case Op.Dense dense -> dense(x, inputs);
      case Op.Activate activate -> x;
      case Op.MaxPool pool -> windowed(pool.window(), x, x.dimension(1));
      case Op.AveragePool pool -> windowed(pool.window(), x, x.dimension(1));
      case Op.GlobalAveragePool pool -> pooled(x);
      case Op.Reshape reshape -> reshaped(x, reshape.shape());
      case Op.Transpose transpose -> x.permuted(transpose.permutation());
      case Op.Concat concat -> concatenated(concat.axis(), inputs);
      case Op.Function function -> x;
      case Op.ParametricRelu relu -> sloped(x, inputs.get(1));
      case Op.MatMul product -> multiplied(x, inputs.get(1));
      case Op.Mean mean -> averaged(mean, x);
      case Op.LayerNormalization normalization -> normalised(x, inputs);
      case Op.Clip clip -> x;
      case Op.Pad pad -> padded(pad, x);
      case Op.Slice slice -> sliced(slice, x);
      case Op.Resize resize -> resized(resize, x);
      case Op.ConvTranspose conv -> transposed(conv, x, inputs);
      case Op.Sigmoid sigmoid -> x;
      case Op.Softmax softmax -> x;
    };
  }

  private static Shape sloped(Shape x, Shape slopes) {
    if (!broadcast(x, slopes).equals(x)) {
      throw ModelRefusedException.ofPart("slopes %s do not fit input %s".formatted(slopes, x));
    }
    return x;
  }

  private static Shape multiplied(Shape x, Shape y) {
    int rank = x.rank();
    boolean fits =
        rank >= 3
            && y.rank() == rank
            && x.dimension(rank - 1) == y.dimension(rank - 2)
            && x.dimensions().subList(0, rank - 2).equals(y.dimensions().subList(0, rank - 2));
    if (!fits) {
      throw ModelRefusedException.ofPart(
          "matrices %s and %s do not fit each other, or their batches differ".formatted(x, y));
    }
    List<Integer> dimensions = new ArrayList<>(x.dimensions());
    dimensions.set(rank - 1, y.dimension(rank - 1));
    return new Shape(dimensions);
  }

  private static Shape averaged(Op.Mean mean, Shape x) {
    List<Integer> dimensions = new ArrayList<>(x.dimensions());
    for (int axis : mean.axes()) {
      if (axis < 1 || axis >= x.rank()) {
        throw new ModelRefusedException(
            "axis %d is not supported: one of %s after the batch is".formatted(axis, x));
      }
      dimensions.set(axis, 1);
    }
    return new Shape(dimensions);
  }

  private static Shape normalised(Shape x, List<Shape> inputs) {
    int size = x.dimension(x.rank() - 1);
    if (x.rank() < 2 || inputs.get(1).elements() != size || inputs.get(2).elements() != size) {
      throw ModelRefusedException.ofPart(
          "factors %s and shifts %s do not fit input %s"
              .formatted(inputs.get(1), inputs.get(2), x));
    }
    return x;
  }

  private static Shape concatenated(int axis, List<Shape> inputs) {
    Shape first = inputs.getFirst();
    if (axis < 1 || axis >= first.rank()) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(axis, first));
    }
    List<Integer> dimensions = new ArrayList<>(first.dimensions());
    int size = 0;
    for (Shape input : inputs) {
      List<Integer> others = new ArrayList<>(input.dimensions());
      if (others.size() == dimensions.size()) {
        size += others.set(axis, dimensions.get(axis));
      }
      if (!others.equals(first.dimensions())) {
        throw ModelRefusedException.ofPart(
            "operands of shape %s and %s do not fit each other along axis %d"
                .formatted(first, input, axis));
      }
    }
    dimensions.set(axis, size);
    return new Shape(dimensions);
  }

  static Shape broadcast(Shape left, Shape right) {
    int rank = Math.max(left.rank(), right.rank());
    List<Integer> dimensions = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      int l = i < rank - left.rank() ? 1 : left.dimension(i - rank + left.rank());
      int r = i < rank - right.rank() ? 1 : right.dimension(i - rank + right.rank());
      if (l != r && l != 1 && r != 1) {
        throw ModelRefusedException.ofPart(
            "operands of shape %s and %s do not fit each other".formatted(left, right));
      }
      dimensions.add(l == 1 ? r : l);
    }
    return new Shape(dimensions);
  }

  private static Shape conv(Op.Conv conv, Shape x, List<Shape> inputs) {
    Shape weights = inputs.get(1);
    checkSpatial(x, conv.window());
    if (weights.rank() != x.rank()
        || weights.dimension(1) * conv.group() != x.dimension(1)
        || weights.dimension(0) % conv.group() != 0) {
      throw ModelRefusedException.ofPart(
          "weights %s with group %d do not fit input %s".formatted(weights, conv.group(), x));
    }
    checkBias(inputs, weights.dimension(0));
    return windowed(conv.window(), x, weights.dimension(0));
  }

  private static Shape padded(Op.Pad pad, Shape x) {
    if (pad.before().size() != x.rank() || pad.after().size() != x.rank()) {
      throw ModelRefusedException.ofPart(
          "pads %s and %s do not fit input %s".formatted(pad.before(), pad.after(), x));
    }
    if (pad.before().getFirst() != 0 || pad.after().getFirst() != 0) {
      throw new ModelRefusedException("it pads the batch: pad other dimensions only");
    }
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0)));
    for (int axis = 1; axis < x.rank(); axis++) {
      dimensions.add(
          checked((long) x.dimension(axis) + pad.before().get(axis) + pad.after().get(axis)));
    }
    return new Shape(dimensions);
  }

  private static Shape sliced(Op.Slice slice, Shape x) {
    boolean fits = slice.begin().size() == x.rank() - 1;
    for (int i = 0; fits && i < x.rank() - 1; i++) {
      fits =
          slice.begin().get(i) >= 0
              && slice.size().get(i) >= 1
              && slice.steps().get(i) >= 1
              && slice.end(i) <= x.dimension(i + 1);
    }
    if (!fits) {
      throw ModelRefusedException.ofPart(
          "from %s, %s elements %s apart do not lie in input %s"
              .formatted(slice.begin(), slice.size(), slice.steps(), x));
    }
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0)));
    dimensions.addAll(slice.size());
    return new Shape(dimensions);
  }

  private static Shape resized(Op.Resize resize, Shape x) {
    if (x.rank() < 3 || x.rank() > 4 || resize.scales().size() != x.rank()) {
      throw new ModelRefusedException(
          "input %s, scales %s: one or two spatial dimensions and a scale for each are supported"
              .formatted(x, resize.scales()));
    }
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0), x.dimension(1)));
    for (int axis = 2; axis < x.rank(); axis++) {
      dimensions.add(
          checked((long) Math.floor((double) x.dimension(axis) * resize.scales().get(axis))));
    }
    return new Shape(dimensions);
  }

  private static Shape transposed(Op.ConvTranspose conv, Shape x, List<Shape> inputs) {
    Shape weights = inputs.get(1);
    checkSpatial(x, conv.window());
    if (weights.rank() != x.rank()
        || weights.dimension(0) != x.dimension(1)
        || weights.dimension(0) % conv.group() != 0) {
      throw ModelRefusedException.ofPart(
          "weights %s with group %d do not fit input %s".formatted(weights, conv.group(), x));
    }
    int outputs = weights.dimension(1) * conv.group();
    checkBias(inputs, outputs);
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0), outputs));
    for (int axis = 0; axis < conv.window().rank(); axis++) {
      dimensions.add(
          checked(
              (long) conv.window().strides().get(axis) * (x.dimension(axis + 2) - 1)
                  + conv.more().get(axis)
                  + conv.window().span(axis)
                  - conv.window().before().get(axis)
                  - conv.window().after().get(axis)));
    }
    return new Shape(dimensions);
  }

  private static int checked(long dimension) {
    if (dimension < 1 || dimension > Integer.MAX_VALUE) {
      throw ModelRefusedException.ofPart("the result would have dimension %d".formatted(dimension));
    }
    return (int) dimension;
  }

  private static Shape dense(Shape x, List<Shape> inputs) {
    Shape weights = inputs.get(1);
    if (x.rank() != 2) {
      throw new ModelRefusedException(
          "input %s: a batch and one dimension are supported, flatten it first".formatted(x));
    }
    if (x.dimension(1) != weights.dimension(1)) {
      throw ModelRefusedException.ofPart(
          "weights %s (outputs, inputs) do not fit input %s".formatted(weights, x));
    }
    checkBias(inputs, weights.dimension(0));
    return Shape.of(x.dimension(0), weights.dimension(0));
  }

  private static void checkBias(List<Shape> inputs, int outputs) {
    if (inputs.size() > 2 && inputs.get(2).elements() != outputs) {
      throw ModelRefusedException.ofPart(
          "bias %s does not fit %d outputs".formatted(inputs.get(2), outputs));
    }
  }

  private static Shape windowed(Window window, Shape x, int channels) {
    checkSpatial(x, window);
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0), channels));
    for (int axis = 0; axis < window.rank(); axis++) {
      int size = window.outputSize(axis, x.dimension(axis + 2));
      if (size < 1) {
        throw ModelRefusedException.ofPart(
            "kernel %s is larger than input %s".formatted(window.kernel(), x));
      }
      dimensions.add(size);
    }
    return new Shape(dimensions);
  }

  private static void checkSpatial(Shape x, Window window) {
    if (x.rank() != window.rank() + 2 || window.rank() < 1 || window.rank() > 2) {
      throw ModelRefusedException.ofPart(
          "input %s: one or two spatial dimensions are supported, the kernel has %d"
              .formatted(x, window.rank()));
    }
  }

  private static Shape pooled(Shape x) {
    if (x.rank() < 3 || x.rank() > 4) {
      throw ModelRefusedException.ofPart(
          "input %s: one or two spatial dimensions are supported".formatted(x));
    }
    List<Integer> dimensions = new ArrayList<>(List.of(x.dimension(0), x.dimension(1)));
    for (int axis = 2; axis < x.rank(); axis++) {
      dimensions.add(1);
    }
    return new Shape(dimensions);
  }

  private static Shape reshaped(Shape x, Shape target) {
    if (target.rank() < 1
        || target.dimension(0) != x.dimension(0)
        || target.elementsPerItem() != x.elementsPerItem()) {
      throw ModelRefusedException.ofPart(
          "%s cannot become %s with the batch kept first".formatted(x, target));
    }
    return target;
  }
}
