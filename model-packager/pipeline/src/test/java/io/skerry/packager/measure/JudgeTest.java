package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Labels;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class JudgeTest {
  @Test
  void countsItemsOfTheSameLargestOutput() {
    Judge judge = byFloatModel(Outputs.of(3, 1, 2, 3, 9, 1, 0, 0, 5, 4, 7, 1, 1), 0.5);

    assertThat(judge.metric()).isEqualTo(Metric.AGREEMENT);
    assertThat(judge.quality(Outputs.of(3, 0, 0, 1, 2, 1, 0, 0, 4, 5, 1, 0, 0)).value())
        .isEqualTo(0.75);
  }

  @Test
  void holdsProbabilitiesToTheirSideOfTheThresholdAndClose() {
    Judge judge = byFloatModel(Outputs.of(1, 0.1f, 0.68f, 0.72f, 0.9f), 0.7);

    assertThat(judge.quality(Outputs.of(1, 0.15f, 0.65f, 0.75f, 0.85f)).value()).isEqualTo(1);
    assertThat(judge.quality(Outputs.of(1, 0.15f, 0.71f, 0.75f, 0.85f)).value()).isEqualTo(0.75);
    assertThat(judge.quality(Outputs.of(1, 0.3f, 0.65f, 0.75f, 0.85f)).value()).isEqualTo(0.75);
  }

  @Test
  void holdsOtherScoresToATenthOfTheirSpan() {
    Judge judge = byFloatModel(Outputs.of(1, -100, 0, 50, 100), 0.5);

    assertThat(judge.quality(Outputs.of(1, -81, 19, 69, 119)).value()).isEqualTo(1);
    assertThat(judge.quality(Outputs.of(1, -79, 19, 69, Float.NaN)).value()).isEqualTo(0.5);
  }

  /** A model that is so bad may be meant; labels in another order are not. */
  @Test
  void saysWhereTheGivenModelIsNoBetterThanGuessing() {
    Outputs three = Outputs.of(3, 1, 0, 0, 0, 1, 0, 0, 0, 1);
    Judge wrong = Judge.byLabels(Metric.ACCURACY, three, Labels.of(0, 2, 1), 0.5);
    Outputs one = Outputs.of(1, 0.1f, 0.9f, 0.2f, 0.8f);
    Judge turned = Judge.byLabels(Metric.ROC_AUC, one, Labels.of(1, 0, 1, 0), 0.5);

    assertThat(wrong.remark(1).orElseThrow())
        .isEqualTo(
            "the given model itself reaches 0.3333, no better than guessing does (0.3333) as far as 3 items tell: check the labels");
    assertThat(turned.remark(1).orElseThrow()).contains("reaches 0.0000");
    int[] classes = IntStream.range(0, 400).map(item -> item % 12).toArray();
    assertThat(ofClasses(item -> item % 12, classes)).isEmpty();
    assertThat(ofClasses(item -> item % 11 == 0 ? item % 12 : (item + 1) % 12, classes))
        .as("a little above guessing by chance")
        .hasValueSatisfying(said -> assertThat(said).contains("reaches 0.0925", "(0.0850)"));
    int[] rare = IntStream.range(0, 400).map(item -> item % 10 == 0 ? 1 : 0).toArray();
    assertThat(ofClasses(item -> item % 10 == 3 ? 1 : 0, rare))
        .hasValueSatisfying(said -> assertThat(said).contains("reaches 0.8000", "(0.9000)"));
    assertThat(ofClasses(item -> item % 10 == 0 && item % 40 > 0 ? 1 : 0, rare)).isEmpty();
  }

  private static Optional<String> ofClasses(IntUnaryOperator said, int... known) {
    float[] scores = new float[known.length * 12];
    for (int item = 0; item < known.length; item++) {
      scores[item * 12 + said.applyAsInt(item)] = 1;
    }
    return Judge.byLabels(Metric.ACCURACY, Outputs.of(12, scores), Labels.of(known), 0.5).remark(1);
  }

  /** A loss is a share of the given model's own error, which hides it where that is huge. */
  @Test
  void saysWhereTheGivenModelIsNoBetterThanOneAnswerToAllItems() {
    float[] cycles = new float[200];
    float[] near = new float[200];
    for (int item = 0; item < cycles.length; item++) {
      cycles[item] = item % 100;
      near[item] = item % 100 + (item % 2 == 0 ? 3 : -3);
    }
    float[] shares = new float[200];
    for (int item = 0; item < shares.length; item++) {
      shares[item] = cycles[item] / 100;
    }

    for (Metric metric : List.of(Metric.RMSE, Metric.MAE)) {
      assertThat(ofNumbers(metric, near, cycles)).as("%s", metric).isEmpty();
      assertThat(ofNumbers(metric, near, shares).orElseThrow())
          .contains("no better than guessing does (0.2", "as far as 200 items tell");
    }
  }

  private static Optional<String> ofNumbers(Metric metric, float[] said, float[] known) {
    Labels labels = Labels.of("numbers", NpyArray.ofFloats(known, known.length), known.length);
    return Judge.byLabels(metric, Outputs.of(1, said), labels, 0.5).remark(1);
  }

  /** The largest of these numbers is a coordinate, which stays where everything else moves. */
  @Test
  void holdsBoxesToThoseOfTheSameItems() {
    Outputs floats = Outputs.of(12, 900, 10, 990, 90, 0.9f, 1, 10, 10, 90, 90, 0.8f, 0);
    Outputs other = Outputs.of(12, 900, 10, 990, 90, 0.9f, 0, 300, 10, 390, 90, 0.8f, 0);

    Judge judge = Judge.byBoxes(floats, 0.5, UnaryOperator.identity());

    assertThat(judge.metric()).isEqualTo(Metric.AGREEMENT);
    assertThat(judge.floatValue()).isEqualTo(1);
    assertThat(judge.comparesClasses()).isFalse();
    assertThat(judge.saysClasses()).isFalse();
    assertThat(judge.quality(floats).value()).isEqualTo(1);
    Quality quality = judge.quality(other);
    assertThat(quality.value()).isZero();
    assertThat(quality.loss()).isEqualTo(1);
    assertThat(quality.flips()).isEmpty();
    assertThat(judge.remark(0.5).orElseThrow())
        .isEqualTo(
            "no labels given, agrees with the given model on 50.00 % of boxes, of which that finds"
                + " 2 in 1 held-out items");
    assertThat(byFloatModel(floats, 0.5).quality(other).value()).isEqualTo(1);
  }

  @Test
  void hasNothingToHoldTheBoxesOfNoneTo() {
    Outputs none = Outputs.of(6, 0, 0, 9, 9, 0.2f, 1, 0, 0, 9, 9, 0.9f, 1);
    Judge judge = Judge.byBoxes(none, 0.5, UnaryOperator.identity());

    assertThat(judge.floatValue()).isEqualTo(1);
    assertThat(judge.spread(1)).hasSize(1);
    assertThat(judge.spread(2)).containsExactly(0, 1);
    assertThatThrownBy(judge.chosen(0)::floatValue)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the given model finds no box with a score from 0.5");
    assertThatThrownBy(() -> judge.chosen(0).quality(none.chosen(0)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** A shape may be boxes by numbers, and nobody said so. */
  @Test
  void saysSoWhereTheLargestNumberMayBeACoordinate() {
    Outputs outputs = Outputs.of(6, 1, 2, 3, 4, 5, 6);

    assertThat(Judge.byFloatModel(outputs, List.of(List.of(2L, 3L)), 0.5).remark(1).orElseThrow())
        .contains("within a tenth of the spread", "say which with --boxes");
    assertThat(
            Judge.byFloatModel(outputs, List.of(List.of(6L, 1L, 1L)), 0.5).remark(1).orElseThrow())
        .doesNotContain("boxes");
  }

  /** One head's numbers are thousands of the other's. */
  @Test
  void holdsEachOfSeveralOutputsToItsOwnScale() {
    List<List<Long>> shapes = List.of(List.of(3L), List.of(1L));
    List<Integer> sizes = List.of(3, 1);
    Outputs floats = Outputs.of(sizes, 900, 100, 5, .2f, 30, 800, 10, .9f, 1, 2, 700, .4f);
    Judge judge = Judge.byFloatModel(floats, shapes, 0.5);
    Outputs same = Outputs.of(sizes, 850, 120, 5, .24f, 30, 750, 10, .85f, 9, 2, 650, .45f);
    Outputs other = Outputs.of(sizes, 900, 100, 5, .9f, 30, 800, 10, .1f, 1, 2, 700, .45f);

    assertThat(judge.quality(same).value()).isEqualTo(1);
    assertThat(judge.quality(same).flips()).hasValue(0);
    Quality quality = judge.quality(other);
    assertThat(quality.value()).isCloseTo(1 / 3.0, within(1e-9));
    assertThat(quality.flips()).hasValue(2);
    assertThat(quality.signalToNoise()).isNegative();
    assertThat(judge.chosen(2).quality(other.chosen(2)).value()).isEqualTo(1);
    assertThat(judge.score().perItem()).isEqualTo(3);
    assertThat(judge.remark(1).orElseThrow())
        .contains("3 of 3 held-out items, in each of 2 outputs");
  }

  /** The largest number of a map may well stay where it is while all others move. */
  @Test
  void holdsNumbersOfPlacesToTheirSpread() {
    Judge judge =
        Judge.byFloatModel(Outputs.of(4, 9, 1, 2, 3, 9, 3, 2, 1), List.of(List.of(2L, 2L)), 0.5);

    assertThat(judge.quality(Outputs.of(4, 9.2f, 1.2f, 2, 3, 9, 3, 2, 1.2f)).value()).isEqualTo(1);
    Quality quality = judge.quality(Outputs.of(4, 9, 3, 1, 3, 1, 3, 2, Float.NaN));
    assertThat(quality.value()).isZero();
    assertThat(quality.flips()).as("places are no classes").isEmpty();
    assertThat(judge.saysClasses()).isFalse();
    assertThat(judge.comparesClasses()).isFalse();
    assertThat(judge.remark(1).orElseThrow()).doesNotContain("one class");
  }

  @Test
  void countsNoFlipsOfPlacesBesideClasses() {
    List<Integer> sizes = List.of(2, 4);
    Outputs floats = Outputs.of(sizes, 1, 0, 9, 1, 2, 3, 0, 1, 9, 3, 2, 1);
    Outputs other = Outputs.of(sizes, 1, 0, 1, 9, 2, 3, 1, 0, 9, 3, 2, 1);
    Judge judge = Judge.byFloatModel(floats, List.of(List.of(2L), List.of(2L, 2L)), 0.5);

    assertThat(judge.saysClasses()).isTrue();
    assertThat(judge.quality(other).flips()).hasValue(1);
  }

  private static Judge byFloatModel(Outputs outputs, double threshold) {
    return Judge.byFloatModel(outputs, List.of(List.of((long) outputs.perItem())), threshold);
  }

  @Test
  void saysThatThereWereNoLabelsAndWhenTheItemsShowOneClassOnly() {
    assertThat(byFloatModel(Outputs.of(1, 0.2f, 0.8f), 0.5).remark(0.5).orElseThrow())
        .contains("no labels given", "1 of 2 held-out items")
        .doesNotContain("one class");
    assertThat(byFloatModel(Outputs.of(1, 0.2f, 0.3f), 0.5).remark(1).orElseThrow())
        .endsWith("all of one class there");
  }

  @Test
  void pairsItemsWithTheFloatModels() {
    Outputs floats = Outputs.of(2, 1, 0, 1, 0, 0, 1, 0, 1);
    Judge judge = Judge.byLabels(Metric.ACCURACY, floats, Labels.of(0, 0, 1, 0), 0.5);

    Quality quality = judge.quality(Outputs.of(2, 1, 0, 0, 1, 0, 1, 0, 1));

    assertThat(quality.value()).isEqualTo(0.5);
    assertThat(quality.difference()).isEqualTo(-0.25);
    assertThat(quality.loss()).isEqualTo(0.25);
    assertThat(quality.flips()).hasValue(1);
    assertThat(quality.pValue()).isEqualTo(1);
    assertThat(quality.differenceInterval().low()).isLessThan(-0.25);
    assertThat(quality.differenceInterval().high()).isGreaterThan(0);
    assertThat(judge.chosen(0, 2).quality(Outputs.of(2, 1, 0, 0, 1)).value()).isEqualTo(1);
  }

  @Test
  void refusesOutputsOfAnotherShape() {
    Judge judge = byFloatModel(Outputs.of(1, 0.2f, 0.8f), 0.5);

    assertThatThrownBy(() -> judge.quality(Outputs.of(2, 0.2f, 0.8f)).value())
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void choosesItemsOfEveryClass() {
    int[] classes = new int[200];
    classes[77] = 1;
    classes[150] = 1;
    float[] scores = new float[200];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = classes[i] == 1 ? 0.9f : 0.1f;
    }
    Judge judge = Judge.byLabels(Metric.ROC_AUC, Outputs.of(1, scores), Labels.of(classes), 0.5);

    for (int wanted : new int[] {2, 3, 10, 50, 199, 200, 400}) {
      int[] chosen = judge.spread(wanted);
      assertThat(chosen).hasSize(Math.min(wanted, 200)).doesNotHaveDuplicates().isSorted();
      assertThat(chosen).as("%d items", wanted).containsAnyOf(77, 150);
      assertThat(judge.chosen(chosen).floatValue()).isEqualTo(1);
    }
    assertThat(judge.spread(1)).hasSize(1);
  }

  @Test
  void choosesItemsWithBoxes() {
    float[] boxes = new float[40 * 5];
    for (int item = 0; item < 40; item++) {
      boxes[item * 5 + 4] = item == 33 ? 2 : -1;
    }
    Labels labels = Labels.of("boxes", NpyArray.ofFloats(boxes, 40, 5), 40);
    Judge judge =
        Judge.byLabels(
            Metric.MEAN_AVERAGE_PRECISION, Outputs.of(6, new float[40 * 6]), labels, 0.5);

    assertThat(judge.spread(4)).hasSize(4).contains(33);
  }

  @Test
  void countsFlipsOfWhatHasClassesOnly() {
    Outputs floats = Outputs.of(1, 0.2f, 0.4f, 0.9f);
    Outputs other = Outputs.of(1, 0.2f, 0.2f, 0.9f);

    assertThat(
            Judge.byLabels(Metric.ROC_AUC, floats, Labels.of(0, 1, 1), 0.3).quality(other).flips())
        .hasValue(1);
    assertThat(
            Judge.byLabels(Metric.ROC_AUC, floats, Labels.of(0, 1, 1), 0.5).quality(other).flips())
        .hasValue(0);
    Outputs open = Outputs.of(1, -3, 2, 7);
    Outputs turned = Outputs.of(1, 4, 2, -7);
    for (Metric metric : List.of(Metric.ROC_AUC, Metric.ACCURACY)) {
      assertThat(Judge.byLabels(metric, open, Labels.of(0, 1, 1), 0.5).quality(turned).flips())
          .as("%s of a score outside 0 and 1", metric)
          .hasValue(2);
    }
    assertThat(Judge.byLabels(Metric.RMSE, floats, Labels.of(0, 1, 1), 0.5).quality(other).flips())
        .isEmpty();
    assertThat(byFloatModel(Outputs.of(1, 3, 40, 9), 0.5).quality(other).flips()).isEmpty();
  }

  @Test
  void countsFlipsOfPixels() {
    Outputs floats = Outputs.of(6, 9, 9, 0, 1, 1, 5);
    Outputs other = Outputs.of(6, 0, 9, 9, 1, 1, 5);
    Labels pixels = Labels.of("pixels", NpyArray.ofFloats(new float[] {0, 0, 1}, 1, 3), 1);

    assertThat(Judge.byLabels(Metric.MEAN_IOU, floats, pixels, 0.5).quality(other).flips())
        .hasValue(2);
  }
}
