package io.skerry.packager.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.npy.NpyArray;
import org.junit.jupiter.api.Test;

class LabelsTest {
  @Test
  void areAsManyAsItems() {
    NpyArray boxes = NpyArray.ofFloats(new float[] {1, 2, 3, 4}, 2, 2);

    assertThat(Labels.of("y.npy", boxes, 2).perItem()).isEqualTo(2);
    assertThatThrownBy(() -> Labels.of("y.npy", boxes, 3))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("2 labels for 3 items");
  }

  @Test
  void holdSomethingOfEveryItem() {
    assertThatThrownBy(() -> Labels.of("y.npy", NpyArray.ofFloats(new float[0], 2, 0), 2))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("y.npy: holds 2 labels of nothing");
  }

  @Test
  void areClassesWhereEveryRowHasASingleOne() {
    Labels classes = rows(0, 0, 1, 1, 0, 0).oneHot().orElseThrow();

    assertThat(classes.areClasses()).isTrue();
    assertThat(classes.at(0)).isEqualTo(2);
    assertThat(classes.at(1)).isZero();
  }

  @Test
  void areNoClassesWhereARowHasAnythingElse() {
    assertThat(rows(0, 0, 1, 1, 1, 0).oneHot()).isEmpty();
    assertThat(rows(0, 0, 1, 0, 0, 0).oneHot()).isEmpty();
    assertThat(rows(0, 0, 1, 0.5f, 0, 0.5f).oneHot()).isEmpty();
    assertThat(Labels.of(0, 1, 0).oneHot()).isEmpty();
  }

  private static Labels rows(float... values) {
    return Labels.of("y.npy", NpyArray.ofFloats(values, 2, 3), 2);
  }
}
