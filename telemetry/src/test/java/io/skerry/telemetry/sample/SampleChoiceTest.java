package io.skerry.telemetry.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.SamplingRates;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.DayUse;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.ScoreStream;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleChoiceTest {
  private static final SampleChoice CHOICE =
      new SampleChoice(new SamplingRates(0.1, 0.8), 42, plan(List.of(750L, 250L)));

  private static MonitoringPlan plan(List<Long> classes) {
    ScoreStream.Builder score =
        ScoreStream.newBuilder().setThreshold(.5).addAllClassBaseline(classes);
    score
        .addAllBaseline(Collections.nCopies(64, 1L))
        .setClasses(classes.size() > 2 ? classes.size() : 1);
    try {
      return MonitoringPlan.of(
          MonitoringManifest.newBuilder().setFormat(MonitoringPlan.FORMAT).setScore(score).build());
    } catch (MalformedDocumentException e) {
      throw new IllegalArgumentException(e);
    }
  }

  @Test
  void choosesTheShareThatTheRateNames() {
    long chosen = IntStream.range(0, 100_000).filter(i -> CHOICE.chosen("01HZX" + i, .1)).count();

    assertThat(chosen / 100_000.0).isCloseTo(0.1, within(0.005));
  }

  @Test
  void choosesTheSamePredictionAgainAndMoreAtAHigherRate() {
    IntStream.range(0, 1000)
        .mapToObj(i -> "id" + i)
        .filter(id -> CHOICE.chosen(id, .1))
        .forEach(
            id -> {
              assertThat(CHOICE.chosen(id, .1)).isTrue();
              assertThat(CHOICE.chosen(id, .8)).isTrue();
            });
  }

  /** The control plane sets aside what holds such a sample: a budget may ask for less still. */
  @Test
  void choosesNothingByAChanceTooSmallToBeBelieved() {
    String id =
        IntStream.range(0, 100_000_000)
            .mapToObj(i -> "id" + i)
            .filter(one -> CHOICE.chosen(one, SamplingRates.PROBABILITY_MIN))
            .filter(one -> SampleChoice.unit(one, 42) < SamplingRates.PROBABILITY_MIN / 2)
            .findFirst()
            .orElseThrow();

    assertThat(CHOICE.chosen(id, .9 * SamplingRates.PROBABILITY_MIN)).isFalse();
  }

  @Test
  void choosesEverythingAtRateOneAndNothingAtRateZero() {
    assertThat(IntStream.range(0, 1000).filter(i -> CHOICE.chosen("" + i, 0))).isEmpty();
    assertThat(IntStream.range(0, 1000).filter(i -> CHOICE.chosen("" + i, 1))).hasSize(1000);
  }

  @Test
  void putsAnomaliesBeforeLowConfidenceBeforeClasses() {
    assertThat(CHOICE.stratum(0.55f, 1, false)).isEqualTo(Stratum.LOW_CONFIDENCE);
    assertThat(CHOICE.stratum(0.1f, 0, false)).isEqualTo(Stratum.BASE);
    assertThat(CHOICE.stratum(0.9f, 1, false)).isEqualTo(Stratum.RARE_CLASS);
    assertThat(CHOICE.stratum(0.55f, 1, true)).isEqualTo(Stratum.ANOMALY);
    assertThat(CHOICE.stratum(Float.NaN, 0, false)).isEqualTo(Stratum.BASE);
    assertThat(CHOICE.inclusionProbability(Stratum.RARE_CLASS, 1)).isEqualTo(.2);
    assertThat(CHOICE.inclusionProbability(Stratum.BASE, 0)).isEqualTo(.1);
    assertThat(CHOICE.inclusionProbability(Stratum.ANOMALY, 0)).isEqualTo(.8);
  }

  @Test
  void callsAnUnlikelyClassLowConfidence() {
    SampleChoice many =
        new SampleChoice(new SamplingRates(.1, .8), 1, plan(List.of(900L, 90L, 10L)));

    assertThat(many.stratum(.4f, 0, false)).isEqualTo(Stratum.LOW_CONFIDENCE);
    assertThat(many.stratum(.6f, 0, false)).isEqualTo(Stratum.BASE);
    assertThat(many.inclusionProbability(Stratum.RARE_CLASS, 2)).isEqualTo(1);
  }

  @Test
  void lowersTheProbabilityAsTheDaysBytesAreUsed() {
    SampleBudget budget = new SampleBudget(1000);
    double[] factors = new double[12];
    int taken = 0;
    for (int i = 0; i < factors.length; i++) {
      factors[i] = budget.factor(i, 0);
      taken += budget.take(100, 0) ? 1 : 0;
    }

    assertThat(factors).startsWith(1, 1, 1, 1, 1, .5, .5, .5, .25, .125);
    assertThat(factors[10]).isZero();
    assertThat(taken).isEqualTo(10);
    assertThat(budget.factor(86_400_000, 0)).isEqualTo(1);
    assertThat(new SampleBudget(0).take(Long.MAX_VALUE, 0)).isTrue();
  }

  /** Who sent more while more was allowed silences nobody when it is gone. */
  @Test
  void holdsAgainstALaterLimitOnlyWhatItMayHave() {
    DayUse device = new DayUse();
    SampleBudget unlimited = new SampleBudget(0, new DayUse(), device);
    SampleBudget large = new SampleBudget(100_000, new DayUse(), device);
    SampleBudget small = new SampleBudget(1000, new DayUse(), device);
    unlimited.factor(0, 0);
    unlimited.take(10_000_000, 0);
    large.factor(0, 100_000);
    large.take(40_000, 100_000);

    assertThat(small.factor(1, 1000)).isEqualTo(1);
    assertThat(small.take(900, 1000)).isTrue();
    assertThat(small.take(900, 1000)).isFalse();
  }

  @Test
  void aClockThatIsPutBackADayAndForwardBringsNoSecondBudget() {
    long dayMillis = 86_400_000;
    DayUse use = new DayUse();
    SampleBudget budget = new SampleBudget(1000, use, new DayUse());
    budget.factor(2 * dayMillis, 0);
    budget.take(1000, 0);

    assertThat(budget.factor(dayMillis, 0)).isZero();
    assertThat(budget.factor(2 * dayMillis, 0)).isZero();
    assertThat(budget.factor(3 * dayMillis, 0)).isEqualTo(1);
    // A day far in the future does not keep it shut until then.
    use.resume(4000, 1000, 0);
    assertThat(budget.factor(3 * dayMillis, 0)).isEqualTo(1);
    assertThat(use.day()).isEqualTo(3);
  }
}
