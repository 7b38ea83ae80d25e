package io.skerry.packager.tflite;

import io.skerry.packager.graph.Op;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How the format finds the place of the input that a place of the output shows.
 *
 * @param alignCorners whether the first and last places of both lie on each other
 * @param halfPixelCenters whether places are the middles of squares
 */
record ResizePlaces(boolean alignCorners, boolean halfPixelCenters) {
  static final List<ResizePlaces> ALL =
      List.of(
          new ResizePlaces(false, true),
          new ResizePlaces(false, false),
          new ResizePlaces(true, false));

  /** How far places may lie apart where values between them are mixed. */
  private static final double OFF_MAX = 1e-4;

  /** What ONNX calls this way. */
  String coordinates() {
    return alignCorners ? "align_corners" : halfPixelCenters ? "half_pixel" : "asymmetric";
  }

  /** How ONNX names the rounding to the nearest place. */
  String rounding() {
    return coordinates().equals("asymmetric") ? "floor" : "round_prefer_ceil";
  }

  /**
   * Whether these are the places of ONNX's operator.
   *
   * @param from dimensions [N,C,(H,)W]
   * @param to the same, of what it makes
   */
  boolean areThoseOf(Op.Resize resize, List<Integer> from, List<Integer> to) {
    return IntStream.range(2, from.size())
        .allMatch(axis -> areThoseOf(resize, axis, from.get(axis), to.get(axis)));
  }

  /**
   * Whether the nearest places are each place of the input as often as any other. Those between
   * corners need not be, also where the sizes are multiples: the outer ones are shown less often.
   */
  boolean areRepeated(int from, int to) {
    int times = to / from;
    return to % from == 0
        && IntStream.range(0, to).allMatch(i -> nearest(i, from, to) == i / times);
  }

  private boolean areThoseOf(Op.Resize resize, int axis, int from, int to) {
    boolean linear = resize.mode().equals("linear");
    for (int i = 0; i < to; i++) {
      float theirs = place(resize, axis, i, from, to);
      if (linear) {
        float ours = halfPixelCenters ? scaled(i + 0.5f, from, to) - 0.5f : scaled(i, from, to);
        if (Math.abs(inside(ours, from) - inside(theirs, from)) > OFF_MAX) {
          return false;
        }
      } else if (nearest(i, from, to) != inside(rounded(theirs, resize.rounding()), from)) {
        return false;
      }
    }
    return true;
  }

  private float scaled(float place, int from, int to) {
    boolean corners = alignCorners && to > 1;
    return place * (corners ? (from - 1) / (float) (to - 1) : from / (float) to);
  }

  private int nearest(int i, int from, int to) {
    float place = scaled(halfPixelCenters ? i + 0.5f : i, from, to);
    return (int) inside(alignCorners ? Math.round(place) : (float) Math.floor(place), from);
  }

  /** As ONNX defines it, in the runtime's own precision. */
  private static float place(Op.Resize resize, int axis, int i, int from, int to) {
    float scale = resize.scales().get(axis);
    return switch (resize.coordinates()) {
      case "half_pixel" -> (i + 0.5f) / scale - 0.5f;
      case "pytorch_half_pixel" -> to > 1 ? (i + 0.5f) / scale - 0.5f : 0;
      case "align_corners" -> to > 1 ? (float) i * (from - 1) / (to - 1) : 0;
      case "asymmetric" -> i / scale;
      default -> Float.NaN;
    };
  }

  private static float rounded(float place, String rounding) {
    double down = Math.floor(place);
    boolean middle = place - down == 0.5;
    double result =
        switch (rounding) {
          case "floor" -> down;
          case "ceil" -> Math.ceil(place);
          case "round_prefer_floor" -> middle ? down : Math.rint(place);
          case "round_prefer_ceil" -> Math.floor(place + 0.5);
          default -> Float.NaN;
        };
    return (float) result;
  }

  private static float inside(float place, int size) {
    return Math.max(0, Math.min(size - 1, place));
  }
}
