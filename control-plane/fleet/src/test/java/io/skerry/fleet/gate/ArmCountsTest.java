package io.skerry.fleet.gate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.ArmCounts.Bins;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ArmCountsTest {
  private final ArmCounts counts = new ArmCounts();

  private void has(Metric metric, double trials, double hits) {
    assertThat(counts.trials(metric)).as("trials of %s", metric).isEqualTo(trials);
    assertThat(counts.hits(metric)).as("hits of %s", metric).isEqualTo(hits);
  }

  private static Bins bins(Long... counts) {
    return folded(1, counts);
  }

  private static Bins folded(int fold, Long... counts) {
    return Bins.of(List.of(counts), fold);
  }

  @Test
  void addsWindowsUp() {
    counts.predictions(100, 3);
    counts.process(0);
    counts.predictions(50, 1);
    counts.process(1);

    has(Metric.FAILED_PREDICTIONS, 150, 4);
    has(Metric.RESTARTS, 2, 1);
  }

  @Test
  void countsLatenciesFromAnEdgeOn() {
    counts.latencies(bins(5L, 7L, 11L, 13L), 2);
    counts.latenciesOfBudget(bins(5L, 7L, 11L, 13L), 3);

    has(Metric.SLOW_PREDICTIONS, 36, 24);
    has(Metric.OVER_BUDGET, 36, 13);
  }

  @Test
  void countsNoneAsSlowWhereTheEdgeIsBeyondAllBins() {
    counts.latencies(bins(5L, 7L), 40);

    has(Metric.SLOW_PREDICTIONS, 12, 0);
  }

  @Test
  void countsNoLatencyWhereTheEdgeLiesWithinWhatWasAddedUp() {
    counts.latencies(folded(2, 5L, 0L, 11L, 0L), 2);
    counts.latencies(folded(4, 5L, 0L, 0L, 0L, 7L, 0L, 0L, 0L), 4);
    counts.latencies(folded(2, 5L, 0L), 2);
    has(Metric.SLOW_PREDICTIONS, 33, 18);
    has(Metric.SLOW_PREDICTIONS_UNTOLD, 0, 0);

    counts.latencies(folded(2, 5L, 0L, 11L, 0L), 1);
    counts.latencies(folded(2, 5L, 0L, 0L, 0L), 3);
    counts.latenciesOfBudget(folded(4, 5L, 0L, 0L, 0L), 2);

    has(Metric.SLOW_PREDICTIONS, 33, 18);
    has(Metric.SLOW_PREDICTIONS_UNTOLD, 2, 0);
    has(Metric.OVER_BUDGET_UNTOLD, 1, 0);
  }

  @Test
  void countsScoresAlikeHoweverManyBinsWereAddedUp() {
    List<Double> middles = List.of(.125, .375, .625, .875);
    counts.scores(bins(1L, 2L, 3L, 4L), middles, 2);
    has(Metric.PREDICTIONS, 10, 3 * .25 + 7 * .75);
    has(Metric.CONFIDENCE, 10, 10 * .5);

    counts.scores(folded(2, 3L, 0L, 7L, 0L), middles, 2);
    has(Metric.PREDICTIONS, 20, 2 * (3 * .25 + 7 * .75));

    counts.scores(folded(2, 3L, 0L, 7L, 0L), middles, 1);
    has(Metric.PREDICTIONS, 20, 2 * (3 * .25 + 7 * .75));
    has(Metric.PREDICTIONS_UNTOLD, 1, 0);
    has(Metric.CONFIDENCE_UNTOLD, 1, 0);
  }

  @Test
  void countsClassesAlikeHoweverManyWereAddedUp() {
    counts.classes(bins(0L, 4L), bins(1L, 2L, 3L, 4L), 2);
    counts.classes(bins(0L, 4L), folded(2, 3L, 0L, 7L, 0L), 2);
    has(Metric.PREDICTIONS, 20, 14 * Metric.place(2));

    // Two or three are never added up.
    counts.classes(bins(0L, 4L), bins(0L, 1L, 0L), 2);
    has(Metric.PREDICTIONS, 21, 14 * Metric.place(2) + Metric.place(1));

    counts.classes(bins(0L, 4L), folded(2, 3L, 0L, 7L, 0L), 1);
    has(Metric.PREDICTIONS_UNTOLD, 1, 0);
    has(Metric.CONFIDENCE_UNTOLD, 0, 0);
  }

  @Test
  void storesPlacesOfWindowsThatTellNothingOnlyWhereThereAreSome() {
    counts.predictions(1, 0);
    counts.process(0);
    assertThat(counts.trials()).hasSize(Metric.ERROR.number());

    counts.latenciesOfBudget(folded(2, 5L, 0L, 0L, 0L), 1);
    assertThat(counts.trials()).hasSize(Metric.OVER_BUDGET_UNTOLD.number()).endsWith(1);
    assertThat(counts.hits()).hasSameSizeAs(counts.trials());
  }

  @Test
  void countsMemoryOnlyWhereBothSizesAreKnown() {
    counts.memory(0, 1000);
    counts.memory(100, 0);
    has(Metric.MEMORY, 0, 0);

    counts.memory(250, 1000);
    counts.memory(5000, 1000);
    has(Metric.MEMORY, 2 * Metric.MEMORY_TRIALS, 1.25 * Metric.MEMORY_TRIALS);
  }

  @Test
  void countsScoresThatAreProbabilitiesOnly() {
    counts.scores(bins(4L, 4L), List.of(.25, 1.5), 1);
    has(Metric.PREDICTIONS, 0, 0);

    // What lies beyond the ordinary bins has no place.
    counts.scores(bins(4L, 2L, 9L), List.of(.25, .75), 1);
    has(Metric.PREDICTIONS, 6, 2.5);
    has(Metric.CONFIDENCE, 6, 3);
  }

  @Test
  void countsClassesByTheirPlaceAndTheirConfidence() {
    counts.classes(bins(0L, 2L), bins(3L, 1L), 1);

    has(Metric.PREDICTIONS, 4, Metric.place(1));
    has(Metric.CONFIDENCE, 2, 2 * 1.5 / 64);
  }

  @Test
  void countsOutcomesOfTwoClassesOnBothSides() {
    counts.outcomeOfTwo(1, true);
    counts.outcomeOfTwo(1, false);
    counts.outcomeOfTwo(0, true);

    has(Metric.ACCURACY, 3, 2);
    has(Metric.ACCURACY_POSITIVE, 2, 1);
    has(Metric.ACCURACY_NEGATIVE, 1, 1);
  }

  @Test
  void countsOutcomesOfSeveralClassesOnNoSide() {
    counts.outcomeOfSeveral(true);

    has(Metric.ACCURACY, 1, 1);
    has(Metric.ACCURACY_POSITIVE, 0, 0);
    has(Metric.ACCURACY_NEGATIVE, 0, 0);
  }

  @Test
  void countsAmountsByHowMuchOfTheRangeTheyAreOff() {
    counts.outcomeOfAmount(10, 12, 8);
    counts.outcomeOfAmount(10, 100, 8);
    counts.outcomeOfAmount(10, 12, 0);
    counts.outcomeOfAmount(10, Double.NaN, 8);

    has(Metric.ERROR, 2, 1.25);
  }

  @Test
  void givesACopyThatNobodyChanges() {
    counts.predictions(10, 1);
    counts.process(0);

    Arrays.fill(counts.trials(), 0);
    Arrays.fill(counts.hits(), 0);

    has(Metric.FAILED_PREDICTIONS, 10, 1);
  }
}
