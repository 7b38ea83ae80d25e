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
}
