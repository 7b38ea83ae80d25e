package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Kernel, strides and padding of a node, automatic padding worked out. */
final class OnnxWindows {
  private static final List<String> AUTOMATIC =
      List.of("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");

  private OnnxWindows() {}

  static Window window(List<Integer> kernel, Shape x, OnnxAttributes attributes) {
    int rank = kernel.size();
    if (x.rank() != rank + 2) {
      throw ModelRefusedException.ofPart("kernel %s does not fit input %s".formatted(kernel, x));
    }
    List<Integer> strides = attributes.perDimension("strides", rank);
    List<Integer> dilations = attributes.perDimension("dilations", rank);
    List<Integer> pads = attributes.integers("pads");
    String automatic = attributes.text("auto_pad", "NOTSET");
    if (!automatic.isEmpty() && !AUTOMATIC.contains(automatic)) {
      throw ModelRefusedException.ofPart(
          "auto_pad '%s' is none of %s".formatted(automatic, String.join(", ", AUTOMATIC)));
    }
    if (automatic.startsWith("SAME")) {
      return same(kernel, strides, dilations, x, automatic.equals("SAME_LOWER"));
    }
    if (pads.isEmpty() || automatic.equals("VALID")) {
      pads = IntStream.range(0, 2 * rank).mapToObj(i -> 0).toList();
    }
    if (pads.size() != 2 * rank || pads.stream().anyMatch(pad -> pad < 0)) {
      throw ModelRefusedException.ofPart("pads %s do not fit kernel %s".formatted(pads, kernel));
    }
    return new Window(
        kernel, strides, dilations, pads.subList(0, rank), pads.subList(rank, 2 * rank));
  }

  /** The same window with as much padding after the map as lets a last, partial one begin in it. */
  static Window roundedUp(Window window, Shape x) {
    List<Integer> after = new ArrayList<>();
    for (int axis = 0; axis < window.rank(); axis++) {
      int stride = window.strides().get(axis);
      int inside = x.dimension(axis + 2) + window.before().get(axis);
      int padded = inside + window.after().get(axis);
      int steps = Math.ceilDiv(Math.max(0, padded - window.span(axis)), stride);
      if (steps * stride >= inside) {
        steps--;
      }
      int missing = steps * stride + window.span(axis) - padded;
      after.add(window.after().get(axis) + Math.max(0, missing));
    }
    return new Window(
        window.kernel(), window.strides(), window.dilations(), window.before(), after);
  }

  private static Window same(
      List<Integer> kernel,
      List<Integer> strides,
      List<Integer> dilations,
      Shape x,
      boolean moreBefore) {
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    for (int axis = 0; axis < kernel.size(); axis++) {
      int total =
          samePadding(
              x.dimension(axis + 2), kernel.get(axis), strides.get(axis), dilations.get(axis));
      before.add(moreBefore ? total - total / 2 : total / 2);
      after.add(moreBefore ? total / 2 : total - total / 2);
    }
    return new Window(kernel, strides, dilations, before, after);
  }

  private static int samePadding(int size, int kernel, int stride, int dilation) {
    int steps = (size + stride - 1) / stride;
    return Math.max(0, (steps - 1) * stride + (kernel - 1) * dilation + 1 - size);
  }
}
