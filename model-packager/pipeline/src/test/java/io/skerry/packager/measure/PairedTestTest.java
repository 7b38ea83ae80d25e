package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PairedTestTest {
  @Test
  void saysHowLikelySoManyChangesToOneSideAre() {
    // Two-sided binomial tails, computed by hand: 2 · (1 + 5) / 2⁵, 2 / 2⁶.
    assertThat(PairedTest.exactTail(1, 4)).isCloseTo(12.0 / 32, within(1e-12));
    assertThat(PairedTest.exactTail(0, 6)).isCloseTo(2.0 / 64, within(1e-12));
    assertThat(PairedTest.exactTail(0, 0)).isEqualTo(1);
  }

  @Test
  void coversNoDifferenceInNineteenOfTwentyDraws() {
    Random random = new Random(11);
    int covered = 0;
    for (int draw = 0; draw < 200; draw++) {
      float[] first = new float[400];
      float[] second = new float[400];
      int[] labels = new int[400];
      for (int i = 0; i < 400; i++) {
        labels[i] = i % 2;
        double signal = labels[i] + random.nextGaussian();
        first[i] = (float) (signal + 0.3 * random.nextGaussian());
        second[i] = (float) (signal + 0.3 * random.nextGaussian());
      }
      PairedTest.Result result =
          PairedTest.of(
              Metric.ROC_AUC, Outputs.of(1, first), Outputs.of(1, second), Labels.of(labels));
      covered +=
          result.differenceInterval().low() <= 0 && result.differenceInterval().high() >= 0 ? 1 : 0;
    }

    assertThat(covered).isBetween(180, 198);
  }

  @Test
  void resamplesWhatIsNoMeanOverItems() {
    Outputs same = Outputs.of(4, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0);
    Labels labels = labelsOf(new float[] {0, 1, 1, 0, 0, 1}, 3);

    PairedTest.Result result = PairedTest.of(Metric.MEAN_IOU, same, same, labels);

    assertThat(result.difference()).isZero();
    assertThat(result.differenceInterval()).isEqualTo(new Interval(0, 0));
    assertThat(result.pValue()).isEqualTo(1);
  }

  /** Nineteen classes of one item each: no drawn sample holds all of them. */
  @Test
  void holdsTheEstimateWhereDrawnSamplesLackClasses() {
    int items = 40;
    float[] said = new float[items * Detections.OUTPUT_NUMBERS];
    float[] there = new float[items * Detections.LABEL_NUMBERS];
    for (int item = 0; item < items; item++) {
      boolean rare = item < 19;
      System.arraycopy(new float[] {0, 0, 10, 10, rare ? 1 + item : 0}, 0, there, item * 5, 5);
      System.arraycopy(new float[] {0, 0, 10, 10, rare ? 0 : 1, 0}, 0, said, item * 6, 6);
    }
    Outputs outputs = Outputs.of(Detections.OUTPUT_NUMBERS, said);
    Outputs nothing = Outputs.of(Detections.OUTPUT_NUMBERS, new float[said.length]);
    Labels labels = labelsOf(there, items);

    PairedTest.Result result =
        PairedTest.of(Metric.MEAN_AVERAGE_PRECISION, outputs, nothing, labels);

    assertThat(Metric.MEAN_AVERAGE_PRECISION.of(outputs, labels))
        .isCloseTo(1.0 / 20, within(1e-12));
    assertThat(result.interval().low()).isBetween(0.0, 1.0 / 20);
    assertThat(result.interval().high()).isBetween(1.0 / 20, 0.2);
    assertThat(result.difference()).isCloseTo(1.0 / 20, within(1e-12));
    assertThat(result.differenceInterval()).isEqualTo(result.interval());
  }

  /** One box an item, of a common, a less common and a rare class, found by chance. */
  @Test
  void coversWhatManyMoreItemsSayInMostDraws() {
    Random random = new Random(17);
    Detector many = new Detector(random, 20_000);
    double truth = Metric.MEAN_AVERAGE_PRECISION.of(many.outputs, many.labels);
    int covered = 0;
    for (int draw = 0; draw < 100; draw++) {
      Detector few = new Detector(random, 80);
      Interval interval =
          PairedTest.of(Metric.MEAN_AVERAGE_PRECISION, few.outputs, few.outputs, few.labels)
              .interval();
      covered += interval.low() <= truth && truth <= interval.high() ? 1 : 0;
    }

    assertThat(covered).isBetween(88, 100);
  }

  private static final class Detector {
    private final Outputs outputs;
    private final Labels labels;

    Detector(Random random, int items) {
      float[] said = new float[items * 2 * Detections.OUTPUT_NUMBERS];
      float[] there = new float[items * Detections.LABEL_NUMBERS];
      for (int item = 0; item < items; item++) {
        int of = drawn(random);
        float found = random.nextFloat() < 0.8 - 0.2 * of ? 0.3f + 0.7f * random.nextFloat() : 0;
        float mistaken = 0.8f * random.nextFloat();
        System.arraycopy(new float[] {0, 0, 10, 10, of}, 0, there, item * 5, 5);
        System.arraycopy(
            new float[] {0, 0, 10, 10, found, of, 50, 0, 60, 10, mistaken, drawn(random)},
            0,
            said,
            item * 12,
            12);
      }
      outputs = Outputs.of(2 * Detections.OUTPUT_NUMBERS, said);
      labels = labelsOf(there, items);
    }

    private static int drawn(Random random) {
      float share = random.nextFloat();
      return share < 0.6 ? 0 : share < 0.9 ? 1 : 2;
    }
  }

  /** Boxes are held against labels once, however often items are drawn. */
  @Test
  void countsBoxesOfItemsAsOftenAsTheyAreDrawn() {
    Random random = new Random(5);
    int items = 12;
    float[] said = new float[items * 5 * Detections.OUTPUT_NUMBERS];
    float[] there = new float[items * 3 * Detections.LABEL_NUMBERS];
    for (int box = 0; box < items * 3; box++) {
      int at = box * Detections.LABEL_NUMBERS;
      there[at] = random.nextInt(40);
      there[at + 1] = random.nextInt(40);
      there[at + 2] = there[at] + 10;
      there[at + 3] = there[at + 1] + 10;
      there[at + 4] = random.nextInt(4) - 1;
    }
    for (int box = 0; box < items * 5; box++) {
      int like = (box / 5 * 3 + random.nextInt(3)) * Detections.LABEL_NUMBERS;
      int at = box * Detections.OUTPUT_NUMBERS;
      for (int i = 0; i < 4; i++) {
        said[at + i] = there[like + i] + random.nextInt(3);
      }
      said[at + 4] = random.nextFloat();
      said[at + 5] = there[like + 4];
    }
    Outputs outputs = Outputs.of(5 * Detections.OUTPUT_NUMBERS, said);
    Labels labels = labelsOf(there, items);
    Detections all = Detections.of(outputs, labels);

    for (int draw = 0; draw < 50; draw++) {
      int[] drawn = random.ints(items, 0, items).sorted().toArray();
      int[] times = new int[items];
      Arrays.stream(drawn).forEach(item -> times[item]++);

      assertThat(all.meanAveragePrecision(times))
          .isCloseTo(
              Metric.MEAN_AVERAGE_PRECISION.of(outputs.chosen(drawn), labels.chosen(drawn)),
              within(1e-12))
          .isBetween(0.05, 0.95);
    }
    assertThat(all.meanAveragePrecision(new int[items])).isZero();
  }

  private static Labels labelsOf(float[] values, int items) {
    return Labels.of(
        "labels",
        io.skerry.artifact.npy.NpyArray.ofFloats(values, items, values.length / items),
        items);
  }
}
