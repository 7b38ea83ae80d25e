package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Labels;
import org.junit.jupiter.api.Test;

class MetricTest {
  @Test
  void countsPairsInOrderUnderTheCurve() {
    Outputs outputs = Outputs.of(1, 0.1f, 0.4f, 0.35f, 0.8f);

    assertThat(Metric.ROC_AUC.of(outputs, Labels.of(0, 0, 1, 1))).isEqualTo(0.75);
    assertThat(Metric.ROC_AUC.of(outputs, Labels.of(1, 1, 0, 0))).isEqualTo(0.25);
  }

  @Test
  void countsTiesAsHalf() {
    Outputs outputs = Outputs.of(1, 0.5f, 0.5f, 0.5f, 0.5f);

    assertThat(Metric.ROC_AUC.of(outputs, Labels.of(0, 1, 0, 1))).isEqualTo(0.5);
  }

  @Test
  void takesTheDifferenceOfTwoOutputsAsScore() {
    Outputs outputs = Outputs.of(2, 3, 1, 1, 2, 5, 0);

    assertThat(Metric.ROC_AUC.of(outputs, Labels.of(0, 1, 0))).isEqualTo(1);
  }

  @Test
  void countsLargestOutputsThatAreRight() {
    Outputs outputs = Outputs.of(3, 1, 2, 3, 9, 1, 1);

    assertThat(Metric.ACCURACY.of(outputs, Labels.of(2, 1))).isEqualTo(0.5);
  }

  @Test
  void refusesOneClassOnly() {
    assertThatThrownBy(() -> Metric.ROC_AUC.of(Outputs.of(1, 0, 1), Labels.of(1, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("one class only");
  }

  @Test
  void measuresErrorsOfRegressions() {
    Outputs outputs = Outputs.of(2, 1, 2, 3, 8);
    Labels labels = labels(2, 1, 2, 3, 4);

    assertThat(Metric.MAE.of(outputs, labels)).isEqualTo(1);
    assertThat(Metric.RMSE.of(outputs, labels)).isEqualTo(2);
    assertThat(Metric.RMSE.loss(2, 2.1))
        .isCloseTo(0.05, org.assertj.core.api.Assertions.within(1e-9));
    assertThat(Metric.ACCURACY.loss(0.9, 0.8))
        .isCloseTo(0.1, org.assertj.core.api.Assertions.within(1e-9));
  }

  @Test
  void sharesPixelsOfEachClass() {
    // Two pixels of two classes: the first is right in both items, the second in one.
    Outputs outputs = Outputs.of(4, 1, 0, 0, 1, 1, 1, 0, 0);
    Labels labels = labels(2, 0, 1, 0, 1);

    // Class 0: 2 shared of 3 joint; class 1: 1 shared of 2 joint.
    assertThat(Metric.MEAN_IOU.of(outputs, labels)).isEqualTo((2.0 / 3 + 1.0 / 2) / 2);
  }

  @Test
  void ranksBoxesByScore() {
    float[] right = {0, 0, 10, 10, 0.9f, 1, 50, 50, 60, 60, 0.8f, 1};
    float[] wrongFirst = {50, 50, 60, 60, 0.9f, 1, 0, 0, 10, 10, 0.8f, 1};
    Labels labels = labels(1, 0, 0, 10, 9, 1, 0, 0, 0, 0, -1);

    assertThat(Metric.MEAN_AVERAGE_PRECISION.of(Outputs.of(12, right), labels)).isEqualTo(1);
    assertThat(Metric.MEAN_AVERAGE_PRECISION.of(Outputs.of(12, wrongFirst), labels)).isEqualTo(0.5);
  }

  /** Of a class that was computed, as by an operator on integers, a little may be missing. */
  @Test
  void takesTheNearestClassOfABox() {
    Labels labels = labels(1, 0, 0, 10, 10, 3);

    for (float said : new float[] {3, 2.99f, 3.01f}) {
      Outputs outputs = Outputs.of(6, 0, 0, 10, 10, 0.9f, said);
      assertThat(Metric.MEAN_AVERAGE_PRECISION.of(outputs, labels)).isEqualTo(1);
    }
  }

  private static Labels labels(int items, float... values) {
    return Labels.of(
        "labels",
        io.skerry.artifact.npy.NpyArray.ofFloats(values, items, values.length / items),
        items);
  }
}
