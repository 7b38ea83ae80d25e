package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ShiftDetectorsTest {
  private static final int UNITS = 256;
  private static final double TOLERANCE = .1;

  @Test
  void sumsNeverSayMoreThanTheExactProduct() {
    Random random = new Random(3);
    ShiftDetectors exact = new ShiftDetectors(1);
    ShiftDetectors sums = new ShiftDetectors(1);

    for (int window = 0; window < 20; window++) {
      double[] products = products();
      double sum = 0;
      double squares = 0;
      for (int unit = 0; unit < UNITS; unit++) {
        double y = Math.clamp(.15 + .4 * random.nextGaussian(), -1, 1);
        ShiftDetectors.bet(products, 0, y, TOLERANCE);
        sum += y;
        squares += y * y;
      }
      exact.observe(0, products, 1);
      sums.observe(0, UNITS, sum, squares, TOLERANCE, 1);

      assertThat(sums.logM(0)).as("window %d", window).isLessThanOrEqualTo(exact.logM(0) + 1e-9);
    }
    assertThat(exact.logM(0)).isGreaterThan(10);
  }

  @Test
  void staysANumberWhenAllUnitsSayAllTheyCan() {
    for (double y : new double[] {1, -1}) {
      ShiftDetectors detectors = new ShiftDetectors(1);
      for (int window = 0; window < 100; window++) {
        double[] products = products();
        for (int unit = 0; unit < UNITS; unit++) {
          ShiftDetectors.bet(products, 0, y, TOLERANCE);
        }
        detectors.observe(0, products, 1);
      }
      assertThat(detectors.logM(0)).isFinite().isGreaterThan(100);
    }
  }

  private static double[] products() {
    double[] products = new double[2 * ShiftDetectors.BETS];
    Arrays.fill(products, 1);
    return products;
  }
}
