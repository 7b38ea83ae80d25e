package io.skerry.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class MetricsTest {
  @Test
  void countsTiesHalf() {
    Scores scores = scores("1:.8 0:.5 1:.5 0:.1");

    assertThat(RocAuc.interval(scores).value()).isEqualTo(0.875);
  }

  @Test
  void agreesWithCountingPairs() {
    Random random = new Random(3);
    int count = 500;
    float[] values = new float[count];
    boolean[] labels = new boolean[count];
    for (int i = 0; i < count; i++) {
      labels[i] = random.nextInt(4) == 0;
      values[i] = Math.round((random.nextGaussian() + (labels[i] ? 1 : 0)) * 10) / 10f;
    }
    double wins = 0;
    long pairs = 0;
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        if (labels[i] && !labels[j]) {
          pairs++;
          wins += values[i] > values[j] ? 1 : values[i] == values[j] ? .5 : 0;
        }
      }
    }

    Interval rocAuc = RocAuc.interval(new Scores(values, labels));

    assertThat(rocAuc.value()).isCloseTo(wins / pairs, within(1e-12));
    assertThat(rocAuc.low()).isLessThan(rocAuc.value());
    assertThat(rocAuc.high()).isGreaterThan(rocAuc.value()).isLessThan(1);
  }

  @Test
  void coversTheTrueAreaAboutNineteenTimesInTwenty() {
    Random random = new Random(11);
    double truth = 0.7602; // Two normal distributions one standard deviation apart.
    int covered = 0;
    for (int run = 0; run < 400; run++) {
      float[] values = new float[200];
      boolean[] labels = new boolean[200];
      for (int i = 0; i < 200; i++) {
        labels[i] = i % 4 == 0;
        values[i] = (float) (random.nextGaussian() + (labels[i] ? 1 : 0));
      }
      Interval interval = RocAuc.interval(new Scores(values, labels));
      covered += interval.low() <= truth && truth <= interval.high() ? 1 : 0;
    }

    assertThat(covered).isBetween(368, 392);
  }

  @Test
  void averagesPrecisionOverDistinctScores() {
    Scores scores = scores("1:.9 0:.8 1:.7 0:.1");

    Interval prAuc = PrAuc.interval(scores, 1);

    assertThat(prAuc.value()).isCloseTo(0.5 * 1 + 0.5 * 2 / 3, within(1e-12));
    assertThat(PrAuc.interval(scores, 1)).isEqualTo(prAuc);
  }

  @Test
  void judgesByTheThreshold() {
    Metrics metrics =
        Metrics.of(
            new Predictions(
                new float[] {.9f, .4f, .5f, .1f, .2f, .3f}, 1, new int[] {1, 1, 0, 0, 0, 0}),
            0.5,
            1);

    assertThat(metrics.accuracy().value()).isCloseTo(4.0 / 6, within(1e-12));
    assertThat(metrics.balancedAccuracy().value()).isCloseTo((0.5 + 0.75) / 2, within(1e-12));
    assertThat(metrics.balancedAccuracy().low()).isLessThan(0.5);
  }

  @Test
  void judgesSeveralClassesEachAgainstTheRest() {
    float[] said = {
      .8f, .1f, .1f, // right
      .5f, .4f, .1f, // right
      .3f, .6f, .1f, // right
      .6f, .3f, .1f, // 0 instead of 1
      .2f, .2f, .6f, // right
    };
    Predictions predictions = new Predictions(said, 3, new int[] {0, 0, 1, 1, 2});

    Metrics metrics = Metrics.of(predictions, 0.5, 1);

    assertThat(metrics.accuracy().value()).isCloseTo(4.0 / 5, within(1e-12));
    assertThat(metrics.balancedAccuracy().value()).isCloseTo((1 + .5 + 1) / 3, within(1e-12));
    // Class 0 loses one of six pairs, class 1 one of six, class 2 none.
    assertThat(metrics.rocAuc().value()).isCloseTo((5.0 / 6 + 5.0 / 6 + 1) / 3, within(1e-12));
    assertThat(metrics.rocAuc().low()).isLessThan(metrics.rocAuc().value());
  }

  @Test
  void leavesOutClassesThatNoExampleHas() {
    Predictions predictions =
        new Predictions(new float[] {.8f, .1f, .1f, .1f, .8f, .1f}, 3, new int[] {0, 1});

    assertThat(predictions.judged()).containsExactly(0, 1);
    assertThat(predictions.rocAuc().value()).isEqualTo(1);
    assertThat(new Predictions(new float[3], 3, new int[] {2}).hasTwoClasses()).isFalse();
  }

  @Test
  void givesWilsonsInterval() {
    Interval interval = Interval.wilson(1, 20);

    assertThat(interval.low()).isCloseTo(0.009, within(5e-4));
    assertThat(interval.high()).isCloseTo(0.236, within(5e-4));
  }

  private static Scores scores(String text) {
    String[] parts = text.split(" ");
    float[] values = new float[parts.length];
    boolean[] labels = new boolean[parts.length];
    for (int i = 0; i < parts.length; i++) {
      labels[i] = parts[i].charAt(0) == '1';
      values[i] = Float.parseFloat(parts[i].substring(2));
    }
    return new Scores(values, labels);
  }
}
