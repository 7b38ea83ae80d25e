package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CoMomentsTest {
  @Test
  void mergesToWhatBruteForceFinds() throws MalformedDocumentException {
    Random random = new Random(1);
    CoMoments merged = new CoMoments(new int[] {0, 2, 3});
    float[][] rows = new float[3000][4];
    for (int part = 0; part < 3; part++) {
      CoMoments one = new CoMoments(new int[] {0, 2, 3});
      for (int i = 0; i < 1000; i++) {
        float[] row = rows[1000 * part + i];
        row[0] = (float) (part + random.nextGaussian());
        row[1] = Float.NaN;
        row[2] = (float) (1e4 + .5 * row[0] + random.nextGaussian());
        row[3] = -row[2];
        one.add(row);
      }
      one.add(new float[] {1, 0, Float.NaN, 2});
      merged.merge(CoMoments.fromWire(one.toWire(), 4));
    }

    assertThat(merged.count()).isEqualTo(3000);
    assertThat(merged.correlation(0, 1)).isCloseTo(correlation(rows, 0, 2), within(1e-9));
    assertThat(merged.correlation(1, 2)).isCloseTo(-1, within(1e-9));
  }

  private static double correlation(float[][] rows, int a, int b) {
    double meanA = 0;
    double meanB = 0;
    for (float[] row : rows) {
      meanA += row[a] / (double) rows.length;
      meanB += row[b] / (double) rows.length;
    }
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (float[] row : rows) {
      ab += (row[a] - meanA) * (row[b] - meanB);
      aa += (row[a] - meanA) * (row[a] - meanA);
      bb += (row[b] - meanB) * (row[b] - meanB);
    }
    return ab / Math.sqrt(aa * bb);
  }

  @Test
  void refusesWhatCannotBe() {
    io.skerry.wire.fleet.v1.CoMoments good = new CoMoments(new int[] {0, 1}).toWire();

    assertThatThrownBy(() -> CoMoments.fromWire(good.toBuilder().addMean(1).build(), 2))
        .isInstanceOf(MalformedDocumentException.class);
    assertThatThrownBy(() -> CoMoments.fromWire(good, 1))
        .isInstanceOf(MalformedDocumentException.class);
    assertThatThrownBy(
            () -> CoMoments.fromWire(good.toBuilder().setProducts(0, Double.NaN).build(), 2))
        .isInstanceOf(MalformedDocumentException.class);
  }

  /** A device can say what it likes: numbers that no values have are no numbers of values. */
  @Test
  void refusesCountsAndProductsThatNoValuesHave() {
    CoMoments honest = new CoMoments(new int[] {0, 1});
    for (int i = 0; i < 100; i++) {
      honest.add(new float[] {i, 100 - i});
    }
    io.skerry.wire.fleet.v1.CoMoments good = honest.toWire();

    assertRefused(good.toBuilder().setCount(1L << 62), "count 4611686018427387904 predictions");
    assertRefused(good.toBuilder().setCount(-1), "count 18446744073709551615 predictions");
    assertRefused(good.toBuilder().setFeatures(1, 0), "feature 0 comes twice");
    assertRefused(good.toBuilder().setFeatures(1, -1), "feature 4294967295 of 2");
    assertRefused(good.toBuilder().setProducts(0, -1), "sum of squares of -1.0");
    assertRefused(good.toBuilder().setCount(1), "1 values of feature 0");
    assertRefused(
        good.toBuilder().setProducts(1, good.getProducts(0) * 1.01), "sum of products of");
    assertRefused(good.toBuilder().setProducts(1, Double.MAX_VALUE), "sum of products of");
  }

  private static void assertRefused(
      io.skerry.wire.fleet.v1.CoMoments.Builder wire, String message) {
    assertThatThrownBy(() -> CoMoments.fromWire(wire.build(), 2))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void takesTheMostThatCanBeCountedAndAddsItUp() throws MalformedDocumentException {
    CoMoments honest = new CoMoments(new int[] {0, 1});
    for (int i = 0; i < 100; i++) {
      honest.add(new float[] {i, 100 - i});
    }
    io.skerry.wire.fleet.v1.CoMoments most =
        honest.toWire().toBuilder().setCount(WindowCodec.PREDICTIONS_MAX).build();
    CoMoments sum = CoMoments.fromWire(most, 2);

    for (int i = 0; i < 1000; i++) {
      sum.merge(CoMoments.fromWire(most, 2));
    }

    assertThat(sum.count()).isEqualTo(1001 * WindowCodec.PREDICTIONS_MAX);
    assertThat(sum.correlation(0, 1)).isCloseTo(-1, within(1e-9));
  }
}
