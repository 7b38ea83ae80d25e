package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ElementMovesTest {
  @Test
  void storesNoMoreOfMarginsThanItsBound() {
    int[] row = {1, 1, 1, 1 << 17};

    assertThat(ElementMoves.canBeAround(row, new int[] {0, 0, 1, 0, 0, 1, 0, 0})).isFalse();
    assertThat(ElementMoves.canBeAround(row, new int[] {0, 0, 1, 1, 0, 0, 0, 0})).isTrue();
    assertThat(ElementMoves.canBeAround(row, new int[] {0, 0, 1, 2, 0, 0, 0, 0})).isFalse();
  }

  /** A few elements at a time are copied slowly, unless there is but one row. */
  @Test
  void putsNothingBesideTheElementsOfManyPlaces() {
    assertThat(ElementMoves.canBeAround(new int[] {1, 2, 2, 3}, new int[] {0, 0, 1, 1, 1, 1, 0, 1}))
        .isFalse();
    assertThat(ElementMoves.canBeAround(new int[] {1, 3}, new int[] {0, 0, 2, 1})).isTrue();
  }

  @Test
  void takesStepsThatFillADimension() {
    int[] shape = {1, 4, 6, 8};

    assertThat(inGroups(shape, 1, 2, 2)).isTrue();
    assertThat(inGroups(shape, 2, 2, 2)).isFalse();
    assertThat(inGroups(shape, 0, 1, 3)).isFalse();
    assertThat(
            ElementMoves.isInGroups(
                shape, new int[4], new int[] {1, 4, 6, 4}, new int[] {1, 1, 1, 2}))
        .isFalse();
  }

  private static boolean inGroups(int[] shape, int begin, int size, int step) {
    return ElementMoves.isInGroups(
        shape, new int[] {0, begin, 0, 0}, new int[] {1, size, 6, 8}, new int[] {1, step, 1, 1});
  }
}
