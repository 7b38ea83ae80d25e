package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Labels;
import org.junit.jupiter.api.Test;

class JudgeTest {
  @Test
  void countsItemsOfTheSameLargestOutput() {
    Judge judge = Judge.byFloatModel(Outputs.of(3, 1, 2, 3, 9, 1, 0, 0, 5, 4, 7, 1, 1), 0.5);

    assertThat(judge.metric()).isEqualTo(Metric.AGREEMENT);
    assertThat(judge.value(Outputs.of(3, 0, 0, 1, 2, 1, 0, 0, 4, 5, 1, 0, 0))).isEqualTo(0.75);
  }

  @Test
  void holdsProbabilitiesToTheirSideOfTheThresholdAndClose() {
    Judge judge = Judge.byFloatModel(Outputs.of(1, 0.1f, 0.68f, 0.72f, 0.9f), 0.7);

    assertThat(judge.value(Outputs.of(1, 0.15f, 0.65f, 0.75f, 0.85f))).isEqualTo(1);
    assertThat(judge.value(Outputs.of(1, 0.15f, 0.71f, 0.75f, 0.85f))).isEqualTo(0.75);
    assertThat(judge.value(Outputs.of(1, 0.3f, 0.65f, 0.75f, 0.85f))).isEqualTo(0.75);
  }

  @Test
  void holdsOtherScoresToATenthOfTheirSpan() {
    Judge judge = Judge.byFloatModel(Outputs.of(1, -100, 0, 50, 100), 0.5);

    assertThat(judge.value(Outputs.of(1, -81, 19, 69, 119))).isEqualTo(1);
    assertThat(judge.value(Outputs.of(1, -79, 19, 69, Float.NaN))).isEqualTo(0.5);
  }

  @Test
  void saysThatThereWereNoLabelsAndWhenTheItemsShowOneClassOnly() {
    assertThat(Judge.byFloatModel(Outputs.of(1, 0.2f, 0.8f), 0.5).remark(0.5).orElseThrow())
        .contains("no labels given", "1 of 2 held-out items")
        .doesNotContain("one class");
    assertThat(Judge.byFloatModel(Outputs.of(1, 0.2f, 0.3f), 0.5).remark(1).orElseThrow())
        .endsWith("all of one class there");
    assertThat(Judge.byLabels(Metric.ACCURACY, Labels.of(0, 1)).remark(1)).isEmpty();
  }

  @Test
  void refusesOutputsOfAnotherShape() {
    Judge judge = Judge.byFloatModel(Outputs.of(1, 0.2f, 0.8f), 0.5);

    assertThatThrownBy(() -> judge.value(Outputs.of(2, 0.2f, 0.8f)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
