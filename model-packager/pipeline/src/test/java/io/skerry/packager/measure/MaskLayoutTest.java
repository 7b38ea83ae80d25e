package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Labels;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MaskLayoutTest {
  /** Three pixels, of classes 1, 0 and 1. */
  private static final Labels LABELS = labels(1, 0, 1);

  @Test
  void areReadWithClassesFirst() {
    Outputs said = Outputs.of(6, 1, 5, 9, 4, 4, 10);

    assertThat(value(said, 2, 1, 3)).isEqualTo(1);
  }

  @Test
  void areReadWithClassesLast() {
    Outputs said = Outputs.of(6, 1, 4, 5, 4, 9, 10);

    assertThat(value(said, 1, 3, 2)).isEqualTo(1);
    assertThat(judge(said, 1, 3, 2).quality(Outputs.of(6, 1, 4, 3, 4, 9, 10)).flips()).hasValue(1);
  }

  @Test
  void areReadOfOneNumberForEachPixel() {
    Outputs said = Outputs.of(3, .7f, .69f, .9f);

    assertThat(value(said, 1, 1, 3)).isEqualTo(1);
    assertThat(value(said, 1, 3, 1)).isEqualTo(1);
    assertThat(judge(said, 1, 1, 3).quality(Outputs.of(3, .6f, .69f, .9f)).flips()).hasValue(1);
  }

  @Test
  void areRefusedWhereNothingTellsHowTheyLie() {
    assertThatThrownBy(() -> masks(27, labels(new float[9]), 3, 3, 3))
        .hasMessageContainingAll(
            "9 labels", "'y'", "[1, 3, 3, 3]", "3 classes", "pictures of another size");
    assertThatThrownBy(() -> masks(24, labels(new float[12]), 4, 6))
        .hasMessageContainingAll("[1, 4, 6]", "2 classes", "second or last dimension");
    assertThatThrownBy(() -> masks(24, labels(new float[5]), 4, 6))
        .hasMessageContainingAll("5 labels", "[1, 4, 6]", "class of each of its pixels");
  }

  @Test
  void areNotJudgedByLabelsThatAreNoClassesOfTheirs() {
    MaskLayout masks = masks(6, LABELS, 2, 1, 3);

    masks.check(labels(0, 1, 255));
    masks.check(labels(0, 1, -1));
    assertThatThrownBy(() -> masks.check(labels(0, 1, 2)))
        .hasMessageContainingAll("item 0", "2.0", "2 classes", "from 0");
    assertThatThrownBy(() -> masks.check(labels(0, 1, .5f))).hasMessageContaining("0.5");
    assertThatThrownBy(() -> masks.check(labels(0, 255, 0)))
        .hasMessageContainingAll("class 0 alone", "255 leaves a pixel out");
    assertThatThrownBy(() -> masks.check(labels(255, 255, -1))).hasMessageContaining("no class");
  }

  private static double value(Outputs said, long... shape) {
    return judge(said, shape).floatValue();
  }

  private static Judge judge(Outputs said, long... shape) {
    MaskLayout masks = masks(said.perItem(), LABELS, shape);
    return Judge.byLabels(Metric.MEAN_IOU, said, LABELS, .7, masks::read);
  }

  private static MaskLayout masks(int perItem, Labels labels, long... shape) {
    List<Long> dimensions = new ArrayList<>(List.of(1L));
    for (long dimension : shape) {
      dimensions.add(dimension);
    }
    return MaskLayout.of(new TensorSpec("y", ElementType.FP32, dimensions), perItem, labels, .7f);
  }

  private static Labels labels(float... pixels) {
    return Labels.of("labels", NpyArray.ofFloats(pixels, 1, pixels.length), 1);
  }
}
