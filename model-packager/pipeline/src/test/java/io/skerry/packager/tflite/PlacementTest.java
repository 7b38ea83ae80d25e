package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlacementTest {
  private static final Shape INPUT = Shape.of(Shape.BATCH, 6, 7, 8);

  @Test
  void isTheFormatsOwnWhereThatPadsTheSame() {
    assertThat(Placement.of(window(2, List.of(1, 0), List.of(1, 1)), INPUT))
        .isEqualTo(Placement.SAME);
    assertThat(Placement.of(window(2, List.of(0, 1), List.of(1, 1)), INPUT))
        .isEqualTo(Placement.EXPLICIT);
    assertThat(Placement.of(window(2, List.of(0, 0), List.of(0, 0)), INPUT))
        .isEqualTo(Placement.VALID);
  }

  /** Where a step skips elements along one dimension, XNNPACK pads the other one wrongly. */
  @Test
  void isExplicitWhereAStepIsLongerThanTheKernel() {
    Window window =
        new Window(List.of(3, 1), List.of(2, 2), List.of(1, 1), List.of(1, 0), List.of(1, 0));

    assertThat(Placement.of(window, INPUT)).isEqualTo(Placement.EXPLICIT);
  }

  private static Window window(int stride, List<Integer> before, List<Integer> after) {
    return new Window(List.of(3, 3), List.of(stride, stride), List.of(1, 1), before, after);
  }
}
