package io.skerry.packager.tflite;

import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;

/** How a window's padding is said in the format. */
enum Placement {
  /** No padding. */
  VALID,
  /** The format's own: as little as covers the input, the odd one after it. */
  SAME,
  /** By an operator of its own before the window. */
  EXPLICIT;

  static Placement of(Window window, Shape input) {
    if (window.isUnpadded()) {
      return VALID;
    }
    for (int axis = 0; axis < window.rank(); axis++) {
      int size = input.dimension(axis + 2);
      int stride = window.strides().get(axis);
      int steps = (size + stride - 1) / stride;
      int total = (steps - 1) * stride + window.span(axis) - size;
      // Seen: where a step skips elements along one dimension, XNNPACK pads the other one wrongly.
      boolean same =
          total >= 0
              && window.before().get(axis) == total / 2
              && window.after().get(axis) == total - total / 2;
      if (!same) {
        return EXPLICIT;
      }
    }
    return SAME;
  }
}
