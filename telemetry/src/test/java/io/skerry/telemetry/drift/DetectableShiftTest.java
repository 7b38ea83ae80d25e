package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.telemetry.drift.DetectableShift.Spread;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DetectableShiftTest {
  private static final DriftSettings SETTINGS = DriftSettings.DEFAULTS.withSeason(24);
  private static final double THRESHOLD = Math.log(1000.0 * 4000);
  private static final int PEERS = 900;

  private static Optional<Double> smallest(Spread spread, int devices, int windows) {
    return DetectableShift.smallest(
        SETTINGS, Stream.Kind.LOCATION, spread, THRESHOLD, devices, PEERS, windows);
  }

  /** The detector itself, on units that are simulated, finds it as often as not. */
  @ParameterizedTest
  @CsvSource({"20, 12, .0015", "50, 4, .0015", "200, 2, .0015", "300, 4, .006"})
  void isWhatTheDetectorFindsInHalfOfTheRuns(int devices, int windows, double variance) {
    Spread spread = new Spread(variance, variance / 20);

    double smallest = smallest(spread, devices, windows).orElseThrow();

    assertThat(found(spread, smallest, devices, windows)).isBetween(.3, .7);
    assertThat(found(spread, smallest * 1.3, devices, windows)).isGreaterThan(.9);
    assertThat(found(spread, smallest * .75, devices, windows)).isLessThan(.1);
  }

  private static double found(Spread spread, double shift, int devices, int windows) {
    double material = SETTINGS.material(Stream.Kind.LOCATION);
    double share = 1.0 / devices + 1.0 / PEERS;
    double tolerance =
        material + SETTINGS.baselineZ() * Math.sqrt(spread.baselineVariance() * share);
    double clip = WindowComparison.clip(SETTINGS, spread.variance(), material, tolerance);
    double part = PEERS / (PEERS + .95 * devices);
    Random random = new Random(9);
    int runs = 400;
    int found = 0;
    for (int run = 0; run < runs; run++) {
      ShiftDetectors detectors = new ShiftDetectors(1);
      boolean fired = false;
      for (int window = 0; window < windows; window++) {
        double common = Math.sqrt(spread.variance() / PEERS) * random.nextGaussian();
        double[] products = new double[2 * ShiftDetectors.BETS];
        java.util.Arrays.fill(products, 1);
        double sum = 0;
        double squares = 0;
        for (int device = 0; device < devices; device++) {
          double residual = shift - common + Math.sqrt(spread.variance()) * random.nextGaussian();
          double y = Math.max(-1, Math.min(1, residual / clip));
          ShiftDetectors.bet(products, 0, y, tolerance / clip);
          sum += y;
          squares += y * y;
        }
        if (devices <= WindowComparison.EXACT_MAX) {
          detectors.observe(0, products, part);
        } else {
          detectors.observe(0, devices, sum, squares, tolerance / clip, part);
        }
        fired |= detectors.logM(0) >= THRESHOLD;
      }
      found += fired ? 1 : 0;
    }
    return (double) found / runs;
  }

  @Test
  void isSmallerWithMoreDevicesMoreWindowsAndLongerOnes() {
    Spread spread = new Spread(.0015, .0001);

    double few = smallest(spread, 20, 6).orElseThrow();
    assertThat(smallest(spread, 50, 6).orElseThrow()).isLessThan(few);
    assertThat(smallest(spread, 20, 12).orElseThrow()).isLessThan(few);
    assertThat(smallest(spread.together(6), 20, 6).orElseThrow()).isLessThan(few);
    assertThat(smallest(spread, 5, 6)).isEmpty();
    assertThat(smallest(spread, 8, 1)).isEmpty();
  }

  private static StreamVerdict verdict(Stream.Kind kind) {
    double share = 1.0 / 50 + 1.0 / 950;
    return new StreamVerdict(
        new Cohort("site", "a"),
        new Stream("speed", kind),
        50,
        950,
        0,
        Math.sqrt(.002 * share),
        .01 + 3.9 * Math.sqrt(.0001 * share),
        0,
        0,
        THRESHOLD);
  }

  /** What clipping may hide is part of the tolerance of shares, and no spread. */
  @ParameterizedTest
  @EnumSource(names = {"QUALITY", "STUCK", "CATEGORY", "SHARE", "ERROR"})
  void readsNoneFromAVerdictOfShares(Stream.Kind kind) {
    assertThat(Spread.of(SETTINGS, verdict(kind))).isEmpty();
  }

  @Test
  void readsTheSpreadFromAStoredVerdict() {
    Spread spread = Spread.of(SETTINGS, verdict(Stream.Kind.LOCATION)).orElseThrow();

    assertThat(spread.variance()).isCloseTo(.002, within(1e-9));
    assertThat(spread.baselineVariance()).isCloseTo(.0001, within(1e-9));
  }
}
