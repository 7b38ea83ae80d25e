package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.packager.data.Labels;
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
  }

  private static Labels labelsOf(float[] values, int items) {
    return Labels.of(
        "labels",
        io.skerry.artifact.npy.NpyArray.ofFloats(values, items, values.length / items),
        items);
  }
}
