package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.FloatBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HistogramTest {
  @Test
  void countsTheSameHoweverValuesAreSharedOutAndOrdered() {
    float[] values = values(3, 5000, 40);
    Histogram all = of(values);
    Histogram backwards = new Histogram();
    for (int i = values.length - 1; i >= 0; i--) {
      backwards.add(FloatBuffer.wrap(new float[] {values[i]}));
    }
    Histogram merged = of(values(0, 0, 1));
    for (int from = 0; from < values.length; from += 700) {
      int size = Math.min(700, values.length - from);
      Histogram part = new Histogram();
      part.add(FloatBuffer.wrap(values, from, size));
      merged.merge(part);
    }

    for (Histogram other : new Histogram[] {backwards, merged}) {
      assertThat(other.total()).isEqualTo(all.total());
      assertThat(other.full()).isEqualTo(all.full());
      for (int bin = 0; bin <= Histogram.BINS; bin++) {
        assertThat(other.edge(bin)).isEqualTo(all.edge(bin));
        if (bin < Histogram.BINS) {
          assertThat(other.count(bin)).isEqualTo(all.count(bin));
        }
      }
    }
  }

  /** Beyond an int, and merged from either side of that. */
  @Test
  void countsMoreThanTwoBillion() {
    float[] values = values(5, 1 << 12, 3);
    Histogram seen = of(values);
    int doublings = 20;
    for (int i = 0; i < doublings; i++) {
      Histogram same = new Histogram();
      same.merge(seen);
      seen.merge(same);
    }
    Histogram later = of(values);
    later.merge(seen);
    seen.merge(of(100));

    Histogram once = of(values);
    once.merge(of(100));
    once.merge(new Histogram());
    for (int bin = 0; bin < Histogram.BINS; bin++) {
      long hundreds = bin == seen.lastBin() ? 1 : 0;
      assertThat(seen.count(bin) - hundreds).isEqualTo((once.count(bin) - hundreds) << doublings);
    }
    assertThat(later.total()).isEqualTo(((1L << doublings) + 1) << 12);
    assertThat(later.count(later.lastBin())).isEqualTo((1L << doublings) + 1);
    assertThat(seen.add(FloatBuffer.wrap(values))).isTrue();
    assertThat(seen.total()).isEqualTo(later.total() + 1);
  }

  @Test
  void putsEveryValueBetweenTheEdgesOfItsBin() {
    for (float value : new float[] {0, 1, -1, 0.999f, 1e-20f, 127.3f, -3e30f, Float.MAX_VALUE}) {
      Histogram one = of(value);

      assertThat(one.firstBin()).isEqualTo(one.lastBin());
      assertThat(one.edge(one.firstBin())).isLessThanOrEqualTo(value);
      assertThat(one.edge(one.firstBin() + 1)).isGreaterThan(value);
    }
  }

  @Test
  void saysWhenAValueIsNotFinite() {
    assertThat(new Histogram().add(FloatBuffer.wrap(new float[] {1, Float.NaN}))).isFalse();
    assertThat(new Histogram().add(FloatBuffer.wrap(new float[] {1f / 0}))).isFalse();
  }

  @ParameterizedTest
  @EnumSource(Clipping.class)
  void keepsAllOfAnEvenDistribution(Clipping clipping) {
    float[] values = new float[100_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i / 1e5f * 2 - 1;
    }

    Range range = clipping.range(of(values));

    assertThat(range.minimum()).isCloseTo(-1, within(0.03f));
    assertThat(range.maximum()).isCloseTo(1, within(0.03f));
  }

  @Test
  void clipsWhatIsRareAndFarOut() {
    float[] values = values(9, 200_000, 1);
    values[17] = 12;
    Histogram seen = of(values);

    assertThat(Clipping.MIN_MAX.range(seen).maximum()).isEqualTo(12);
    assertThat(Clipping.PERCENTILE.range(seen).maximum()).isBetween(3.5f, 6f);
    assertThat(Clipping.MSE.range(seen).maximum()).isBetween(3f, 11f);
    assertThat(Clipping.ENTROPY.range(seen).maximum()).isBetween(3f, 12f);
  }

  @Test
  void meansTheErrorThatItMinimises() {
    Histogram seen = of(values(4, 50_000, 2));
    Range best = Clipping.MSE.range(seen);

    assertThat(error(seen, best)).isLessThanOrEqualTo(error(seen, Clipping.MIN_MAX.range(seen)));
    assertThat(error(seen, best)).isLessThanOrEqualTo(error(seen, Clipping.PERCENTILE.range(seen)));
  }

  private static double error(Histogram seen, Range range) {
    double step = ((double) range.maximum() - range.minimum()) / 255;
    double sum = 0;
    for (int bin = 0; bin < Histogram.BINS; bin++) {
      double value = (seen.edge(bin) + seen.edge(bin + 1)) / 2;
      double clipped = Math.max(range.minimum(), Math.min(range.maximum(), value));
      double error = value - clipped;
      sum += seen.count(bin) * (error == 0 ? step * step / 12 : error * error);
    }
    return sum;
  }

  private static Histogram of(float... values) {
    Histogram histogram = new Histogram();
    histogram.add(FloatBuffer.wrap(values));
    return histogram;
  }

  private static float[] values(long seed, int count, double scale) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }
}
