package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.SliceReport.DeviceCounts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EstimatesTest {
  /** A model whose score is the square root of the true probability. */
  private static final class Source {
    private final Random random;
    private final double skew;
    private final boolean turned;

    Source(long seed, double skew, boolean turned) {
      this.random = new Random(seed);
      this.skew = skew;
      this.turned = turned;
    }

    Outcome next(int device) {
      double p = Math.pow(random.nextDouble(), skew);
      boolean positive = random.nextDouble() < p;
      // A concept flip: one in ten outcomes is the other way round.
      boolean actual = (turned && random.nextInt(10) == 0) ? !positive : positive;
      return new Outcome(new DeviceId("d" + device), Math.sqrt(p), actual);
    }
  }

  private static List<Outcome> outcomes(Source source, int count) {
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      outcomes.add(source.next(i % 40));
    }
    return outcomes;
  }

  private static EstimatedAccuracy estimated(List<Outcome> outcomes, Calibration calibration) {
    return estimated(outcomes, calibration, .5);
  }

  private static EstimatedAccuracy estimated(
      List<Outcome> outcomes, Calibration calibration, double threshold) {
    List<long[]> devices = new ArrayList<>();
    for (int device = 0; device < 40; device++) {
      devices.add(new long[Calibration.BINS]);
    }
    for (int i = 0; i < outcomes.size(); i++) {
      devices.get(i % 40)[Calibration.bin(outcomes.get(i).score())]++;
    }
    return EstimatedAccuracy.of(devices, calibration, threshold);
  }

  private static double realised(List<Outcome> outcomes) {
    return outcomes.stream().filter(o -> (o.score() >= .5) == o.positive()).count()
        / (double) outcomes.size();
  }

  @Test
  void estimatesAccuracyUnderCovariateShiftWhereTheRawScoreIsFarOff() {
    Calibration calibration = Calibration.of(outcomes(new Source(1, 1, false), 20_000));
    double error = 0;
    double uncalibrated = 0;
    int covered = 0;
    for (int seed = 0; seed < 20; seed++) {
      List<Outcome> shifted = outcomes(new Source(100 + seed, .5 + .1 * seed, false), 4000);
      EstimatedAccuracy estimate = estimated(shifted, calibration);
      error += Math.abs(estimate.accuracy().value() - realised(shifted)) / 20;
      uncalibrated +=
          Math.abs(estimated(shifted, Calibration.none()).accuracy().value() - realised(shifted))
              / 20;
      covered +=
          realised(shifted) >= estimate.accuracy().low()
                  && realised(shifted) <= estimate.accuracy().high()
              ? 1
              : 0;
    }

    assertThat(error).isLessThan(.012);
    assertThat(uncalibrated).isGreaterThan(2 * error);
    assertThat(covered).isGreaterThanOrEqualTo(17);
  }

  /** A threshold is seldom the edge of a bin; for rare classes it lies within the first ones. */
  @ParameterizedTest
  @CsvSource({".02, 4", ".3, 3", ".5, 1"})
  void splitsTheBinThatTheThresholdLiesIn(double threshold, double skew) {
    List<Outcome> outcomes = outcomes(new Source(5, skew, false), 100_000);
    Calibration calibration = Calibration.of(outcomes);
    double expected =
        outcomes.stream()
            .mapToDouble(one -> one.score() * one.score())
            .map(p -> Math.sqrt(p) >= threshold ? p : 1 - p)
            .average()
            .orElseThrow();
    Long[] counts = new Long[Calibration.BINS];
    Arrays.fill(counts, 0L);
    outcomes.forEach(one -> counts[Calibration.bin(one.score())]++);
    List<EstimatedAccuracy.Scored> sums =
        List.of(new EstimatedAccuracy.Scored(Arrays.asList(counts), calibration));

    assertThat(estimated(outcomes, calibration, threshold).accuracy().value())
        .isCloseTo(expected, within(.004));
    assertThat(EstimatedAccuracy.ofSums(sums, List.of(), threshold).value())
        .isCloseTo(expected, within(.004));
  }

  @Test
  void isBlindToConceptChangeAsItSays() {
    Calibration calibration = Calibration.of(outcomes(new Source(1, 1, false), 20_000));
    List<Outcome> turned = outcomes(new Source(2, 1, true), 20_000);

    assertThat(estimated(turned, calibration).accuracy().value() - realised(turned))
        .isGreaterThan(.03);
  }

  @Test
  void weighsOutcomesByTheirInclusionProbability() {
    Random random = new Random(3);
    List<Outcome> all = new ArrayList<>();
    List<Outcome> chosen = new ArrayList<>();
    for (int i = 0; i < 60_000; i++) {
      boolean anomalous = random.nextInt(10) == 0;
      boolean positive = random.nextBoolean();
      boolean right = random.nextDouble() < (anomalous ? .5 : .95);
      double probability = anomalous ? .5 : .02;
      DeviceId device = new DeviceId("d" + i % 30);
      all.add(new Outcome(device, positive == right ? .9 : .1, positive));
      if (random.nextDouble() < probability) {
        chosen.add(new Outcome(device, positive == right ? .9 : .1, positive, probability));
      }
    }
    List<Outcome> unweighted =
        chosen.stream().map(o -> new Outcome(o.device(), o.score(), o.positive())).toList();
    double truth = Accuracy.of(all, .5).orElseThrow().balanced().value();

    Estimate weighted = Accuracy.of(chosen, .5).orElseThrow().balanced();

    assertThat(weighted.value()).isCloseTo(truth, within(.02));
    assertThat(truth).isBetween(weighted.low(), weighted.high());
    assertThat(Accuracy.of(unweighted, .5).orElseThrow().balanced().value()).isLessThan(truth - .1);
  }

  @Test
  void tellsUnfairSlicesAndSuppressesSmallOnes() {
    Random random = new Random(4);
    List<DeviceCounts> devices = new ArrayList<>();
    for (int i = 0; i < 125; i++) {
      String slice = i < 60 ? "a" : i < 120 ? "b" : "c";
      double recall = slice.equals("b") ? .5 : .9;
      double[] cells = new double[4];
      double scores = 0;
      for (int n = 0; n < 200; n++) {
        boolean positive = random.nextInt(3) == 0;
        boolean predicted = random.nextDouble() < (positive ? recall : .1);
        cells[(positive ? 0 : 2) + (predicted ? 0 : 1)]++;
        scores += positive ? .6 : .2;
      }
      devices.add(
          new DeviceCounts(
              new DeviceId("d" + i),
              Set.of(slice, "all"),
              200,
              cells[0],
              cells[2],
              cells[1],
              cells[3],
              scores));
    }

    SliceReport report = SliceReport.of(devices);

    assertThat(report.slices())
        .extracting(SliceReport.Slice::name)
        .containsExactly("a", "all", "b", "c");
    SliceReport.Figures b = report.slices().get(2).figures().orElseThrow();
    SliceReport.Comparison compared = b.others().orElseThrow();
    assertThat(compared.opportunityDifference().value()).isCloseTo(-.4, within(.04));
    assertThat(compared.disparateImpact().high()).isLessThan(.8);
    assertThat(compared.isUnfair(.05)).isTrue();
    assertThat(b.calibrationError().value()).isCloseTo(0, within(.03));
    assertThat(b.recall().value()).isCloseTo(.5, within(.03));
    assertThat(b.balancedAccuracy().value()).isCloseTo((.5 + .9) / 2, within(.02));
    assertThat(report.slices().get(3).figures()).isEmpty();
    // Nobody is outside of the slice of all.
    assertThat(report.slices().get(1).figures().orElseThrow().others()).isEmpty();
  }

  @Test
  void countsOutcomesOfDevicesByTheirWeight() {
    DeviceId device = new DeviceId("d");
    Set<String> b = Set.of("site=b");
    List<SliceReport.Placed> outcomes =
        List.of(
            new SliceReport.Placed(new Outcome(device, .9, true, .5), b),
            new SliceReport.Placed(new Outcome(device, .9, false), b),
            new SliceReport.Placed(new Outcome(device, .1, true), b),
            new SliceReport.Placed(new Outcome(device, .5, true), b),
            new SliceReport.Placed(new Outcome(device, .5, true), Set.of("site=repair")),
            new SliceReport.Placed(new Outcome(new DeviceId("e"), .1, false), Set.of()));

    List<DeviceCounts> counts = SliceReport.count(outcomes, .5);

    assertThat(counts)
        .containsExactlyInAnyOrder(
            new DeviceCounts(device, Set.of("site=repair"), 1, 1, 0, 0, 0, .5),
            new DeviceCounts(device, b, 4, 3, 1, 1, 0, 2 * .9 + .9 + .1 + .5),
            new DeviceCounts(new DeviceId("e"), Set.of(), 1, 0, 0, 0, 1, .1));
  }

  @Test
  void countsAMovedDeviceOnceInASliceThatItStayedIn() {
    List<DeviceCounts> devices = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      DeviceId device = new DeviceId("d" + i);
      devices.add(new DeviceCounts(device, Set.of("site=a", "profile=p"), 2, 1, 0, 0, 1, 1));
      devices.add(new DeviceCounts(device, Set.of("site=b", "profile=p"), 2, 0, 1, 1, 0, 1));
    }

    List<SliceReport.Slice> slices = SliceReport.of(devices).slices();

    assertThat(slices)
        .extracting(slice -> slice.name() + " " + slice.devices() + " " + slice.outcomes())
        .containsExactly("profile=p 20 80", "site=a 20 40", "site=b 20 40");
    assertThat(slices.get(0).figures().orElseThrow().accuracy().value()).isEqualTo(.5);
    assertThat(slices.get(1).figures().orElseThrow().accuracy().value()).isEqualTo(1);
    assertThat(slices.get(2).figures().orElseThrow().accuracy().value()).isEqualTo(0);
  }

  @Test
  void tellsNoFigureThatThereIsNothingToHaveOf() {
    List<DeviceCounts> devices = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      devices.add(
          new DeviceCounts(
              new DeviceId("d" + i),
              Set.of(i % 2 == 0 ? "a" : "b"),
              9,
              0,
              i % 2 == 0 ? 0 : 5,
              0,
              4,
              1));
    }

    SliceReport.Figures a = SliceReport.of(devices).slices().get(0).figures().orElseThrow();

    assertThat(a.recall().value()).isNaN();
    assertThat(a.balancedAccuracy().value()).isNaN();
    assertThat(a.others().orElseThrow().disparateImpact().value()).isZero();
    assertThat(a.others().orElseThrow().isUnfair(.05)).isTrue();
  }

  @Test
  void tellsNothingThatOneOutcomeSays() {
    List<DeviceCounts> devices = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      boolean only = i == 0;
      boolean others = i % 2 == 1;
      devices.add(
          new DeviceCounts(
              new DeviceId("d" + i),
              Set.of(others ? "b" : "a"),
              20,
              others ? 4 : 0,
              only || others ? 4 : 5,
              others ? 1 : only ? 1 : 0,
              15 - (others ? 4 : 0),
              5));
    }

    SliceReport.Figures a = SliceReport.of(devices).slices().getFirst().figures().orElseThrow();

    SliceReport.Comparison compared = a.others().orElseThrow();
    assertThat(a.recall().value()).isNaN();
    assertThat(a.balancedAccuracy().value()).isNaN();
    assertThat(compared.opportunityDifference().value()).isNaN();
    assertThat(a.accuracy().value()).isCloseTo((30 * 15 + 0.) / (30 * 20), within(.02));
    assertThat(compared.isUnfair(.05)).isTrue();
  }

  @Test
  void boundsWhatAllDevicesAgreeOnAndTellsItWhereItIsMuch() {
    List<DeviceCounts> devices = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      boolean missed = i % 2 == 0;
      devices.add(
          new DeviceCounts(
              new DeviceId("d" + i),
              Set.of(missed ? "a" : "b"),
              2,
              missed ? 0 : 1,
              missed ? 1 : 0,
              missed ? 1 : 0,
              1,
              1));
    }

    SliceReport.Figures a = SliceReport.of(devices).slices().getFirst().figures().orElseThrow();

    // Wilson's bound of 0 of 30.
    assertThat(a.recall().high()).isCloseTo(3.8416 / 33.8416, within(1e-9));
    assertThat(a.others().orElseThrow().isUnfair(.05)).isTrue();
  }

  @Test
  void findsNoneOfManyEqualSlicesUnfairByChance() {
    Random random = new Random(11);
    int reports = 20;
    int unfair = 0;
    for (int report = 0; report < reports; report++) {
      List<DeviceCounts> devices = new ArrayList<>();
      for (int i = 0; i < 1000; i++) {
        double[] cells = new double[4];
        for (int n = 0; n < 20; n++) {
          boolean positive = random.nextInt(3) == 0;
          cells[(positive ? 0 : 2) + (random.nextDouble() < (positive ? .8 : .3) ? 0 : 1)]++;
        }
        devices.add(
            new DeviceCounts(
                new DeviceId("d" + i),
                Set.of("site=" + i % 40),
                20,
                cells[0],
                cells[2],
                cells[1],
                cells[3],
                5));
      }
      unfair +=
          (int)
              SliceReport.of(devices).slices().stream()
                  .flatMap(slice -> slice.figures().orElseThrow().others().stream())
                  .filter(compared -> compared.isUnfair(0))
                  .count();
    }

    assertThat(unfair).isLessThanOrEqualTo(3);
    assertThat(Bonferroni.z(1)).isCloseTo(1.96, within(1e-3));
    assertThat(Bonferroni.z(120)).isCloseTo(3.529, within(1e-2));
  }

  /** Sums of which no device is kept say what the devices' own rests do. */
  @Test
  void tellsTheErrorOfARatioFromSumsAsFromTheDevicesThemselves() {
    Random random = new Random(8);
    List<double[]> devices = new ArrayList<>();
    double x = 0;
    double w = 0;
    for (int i = 0; i < 5000; i++) {
      double whole = 1 + random.nextInt(100_000);
      devices.add(new double[] {whole * (.3 + 1e-4 * random.nextGaussian()), whole});
      x += devices.getLast()[0];
      w += whole;
    }
    double squares = 0;
    for (double[] one : devices) {
      double rest = one[0] - x / w * one[1];
      squares += rest * rest;
    }

    Ratio ratio = Ratio.of(devices, one -> one[0], one -> one[1]);

    assertThat(ratio.value()).isEqualTo(x / w);
    assertThat(ratio.error())
        .isCloseTo(Math.sqrt(5000.0 / 4999 * squares) / w, withinPercentage(.01));
    assertThat(Ratio.of(devices, one -> .3 * one[1], one -> one[1]).error()).isZero();
  }

  @Test
  void tellsWhetherTheWorldOrTheModelMoved() {
    LabelShares.Sums sums = new LabelShares.Sums(2);
    for (int i = 0; i < 40; i++) {
      sums.addPredicted(List.of(70.0 + i % 5, 30.0 - i % 5));
      sums.addActual(List.of(50.0, 50.0 + i % 3));
    }

    LabelShares shares = sums.shares(List.of(700L, 300L));

    assertThat(shares.classes().get(1).training()).isEqualTo(.3);
    assertThat(shares.classes().get(1).actual().value()).isCloseTo(.505, within(.005));
    assertThat(shares.classes().get(1).hasDrifted(.05)).isTrue();
    Estimate shift = shares.classes().get(1).shift();
    assertThat(shift.value()).isCloseTo(.205, within(.005));
    // 1.96 sqrt(.3 x .7 / 1000) is what the training rows leave open.
    assertThat(shift.halfWidth()).isBetween(.0284, .035);
    assertThat(sums.shares(List.of()).classes().get(1).hasDrifted(0)).isFalse();
    assertThatThrownBy(() -> sums.shares(List.of(1L))).hasMessageContaining("1 classes of 2");
    assertThatThrownBy(() -> sums.addActual(List.of(1.0))).hasMessageContaining("1 classes of 2");
  }

  /** A weight of ten is one outcome, and no ten of them. */
  @Test
  void knowsNoMoreFromOutcomesThatWeighMore() {
    Calibration.Sums plain = new Calibration.Sums();
    Calibration.Sums weighed = new Calibration.Sums();
    Calibration.Sums uneven = new Calibration.Sums();
    Random random = new Random(1);
    for (int i = 0; i < 200; i++) {
      DeviceId device = new DeviceId("d" + i % 20);
      double score = random.nextDouble();
      boolean positive = random.nextDouble() < score;
      plain.add(new Outcome(device, score, positive));
      weighed.add(new Outcome(device, score, positive, .01));
      uneven.add(new Outcome(new DeviceId("d" + i / 2 % 20), .5, i % 4 < 2, i % 2 == 0 ? 1 : .1));
    }

    for (int bin = 0; bin < Calibration.BINS; bin++) {
      double variance = plain.calibration().variance(bin);
      assertThat(weighed.calibration().variance(bin)).isCloseTo(variance, within(1e-12));
    }
    // (100 + 1000)^2 / (100 + 10,000) outcomes, and one more of both kinds.
    assertThat(uneven.calibration().variance(32)).isCloseTo(.25 / 120.8, within(1e-4));
  }

  /** Of counts alone: calibrated by 400 outcomes, what 1,000 predictions come to lies within. */
  @Test
  void boundsWhatSumsOfScoresLetExpect() {
    Random random = new Random(9);
    int within = 0;
    int runs = 300;
    for (int run = 0; run < runs; run++) {
      Calibration.Sums known = new Calibration.Sums();
      for (int i = 0; i < 400; i++) {
        double score = random.nextDouble();
        known.add(new Outcome(new DeviceId("d"), score, random.nextDouble() < score));
      }
      long[] counts = new long[Calibration.BINS];
      int right = 0;
      for (int i = 0; i < 1000; i++) {
        double score = random.nextDouble();
        counts[(int) (score * Calibration.BINS)]++;
        right += (score >= .5) == (random.nextDouble() < score) ? 1 : 0;
      }
      List<EstimatedAccuracy.Scored> sums =
          List.of(
              new EstimatedAccuracy.Scored(
                  Arrays.stream(counts).boxed().toList(), known.calibration()));
      Estimate estimate = EstimatedAccuracy.ofSums(sums, List.of(), .5);
      within += estimate.low() <= right / 1000.0 && right / 1000.0 <= estimate.high() ? 1 : 0;
    }

    assertThat(within).isGreaterThan((int) (.95 * runs));
    List<EstimatedAccuracy.Scored> taken =
        List.of(
            new EstimatedAccuracy.Scored(
                java.util.Collections.nCopies(Calibration.BINS, 10L), Calibration.none()));
    // Taken at its word, a score says nothing for sure.
    assertThat(EstimatedAccuracy.ofSums(List.of(), taken, .5).halfWidth()).isGreaterThan(.4);
    assertThatThrownBy(() -> EstimatedAccuracy.ofSums(List.of(), List.of(), .5))
        .hasMessageContaining("no score");
  }

  @Test
  void comparesCountsAsBruteForceOnValuesDoes() {
    Random random = new Random(5);
    double[] before = random.doubles(20_000).toArray();
    double[] after = random.doubles(5000).map(x -> Math.min(.999, .9 * x + .1)).toArray();

    EffectSize size = EffectSize.of(counts(before), counts(after));

    // On the grid of the bins, from the raw values.
    double ks = 0;
    double distance = 0;
    for (int edge = 1; edge <= 20; edge++) {
      double at = edge / 20.0;
      double gap = Math.abs(below(before, at) - below(after, at));
      ks = Math.max(ks, gap);
      distance += gap / 20;
    }
    assertThat(size.kolmogorovSmirnov()).isCloseTo(ks, within(1e-12));
    assertThat(size.wasserstein().value()).isCloseTo(distance, within(1e-12));
    assertThat(size.psi().low()).isGreaterThan(.1);
    assertThat(size.observedCount()).isEqualTo(5000);
    assertThat(EffectSize.of(counts(before), counts(random.doubles(300).toArray())).psi().low())
        .isZero();
  }

  private static long[] counts(double[] values) {
    long[] counts = new long[20];
    Arrays.stream(values).forEach(value -> counts[(int) (value * 20)]++);
    return counts;
  }

  private static double below(double[] values, double at) {
    return Arrays.stream(values).filter(value -> value < at).count() / (double) values.length;
  }

  @Test
  void supportsAnEventOnlyWhereTheTouchedMoved() {
    Estimate effect = new Estimate(.2, .15, .25);
    List<Double> moved = new Random(6).doubles(30).mapToObj(x -> .2 + .05 * (x - .5)).toList();
    List<Double> still = new Random(7).doubles(60).mapToObj(x -> .05 * (x - .5)).toList();

    assertThat(EventCheck.of(effect, moved, still, 8, 30, 30).answer())
        .isEqualTo(EventCheck.Answer.SUPPORTED);
    assertThat(EventCheck.of(effect, still, moved, 8, 30, 0).answer())
        .isEqualTo(EventCheck.Answer.REFUTED);
    assertThat(EventCheck.of(effect, moved.subList(0, 4), still, 8, 30, 4).answer())
        .isEqualTo(EventCheck.Answer.NOT_TESTABLE);
  }
}
