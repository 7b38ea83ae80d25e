package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.FloatBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LatticeTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void findsTheStepOfAnyQuantization(long seed) {
    Random random = new Random(seed);
    double step = Math.exp(random.nextDouble(-8, 8));
    int zeroPoint = random.nextInt(-128, 128);
    Lattice lattice = new Lattice();
    for (int batch = 0; batch < 4; batch++) {
      float[] values = new float[600];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) ((random.nextInt(-128, 128) - zeroPoint) * step);
      }
      lattice.add(FloatBuffer.wrap(values));
    }

    Lattice.Steps steps = lattice.steps().orElseThrow();

    assertThat(steps.step()).isCloseTo(step, within(step * 1e-6));
    assertThat(steps.levels()).isLessThanOrEqualTo(256);
  }

  @Test
  void tellsPixelsApartFromMeasurements() {
    assertThat(of(0, 127, 128, 255).steps().map(Lattice.Steps::lowest)).contains(0);
    assertThat(of(0, 1).steps().map(Lattice.Steps::levels)).contains(256);
    assertThat(of(0.1f, 0.31f, 0.7f, 1.234f).steps()).isEmpty();
    assertThat(of(3, 3, 3).steps()).isEmpty();
    assertThat(of(0, 1, 1000).steps()).isEmpty();
  }

  @Test
  void hasNoStepThatAFloatCannotSay() {
    float least = Float.MIN_VALUE;

    assertThat(of(0, least, 3 * least).steps()).isEmpty();
    assertThat(of(0, Float.MIN_NORMAL, 255 * Float.MIN_NORMAL).steps()).isPresent();
  }

  @Test
  void needsZeroOnTheLattice() {
    assertThat(of(0.5f, 1.5f, 2.5f).steps()).isEmpty();
  }

  @Test
  void isTheSameHoweverTheValuesWereSharedOut() {
    Lattice whole = of(-3, 0, 1, 7, 12);
    Lattice first = of(-3, 7);
    first.merge(of(0, 12, 1));

    assertThat(first.steps()).isEqualTo(whole.steps()).isPresent();
  }

  @Test
  void givesUpAboveAsManyValuesAsEightBitsHold() {
    float[] values = new float[257];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }

    assertThat(of(values).steps()).isEmpty();
  }

  private static Lattice of(float... values) {
    Lattice lattice = new Lattice();
    lattice.add(FloatBuffer.wrap(values));
    return lattice;
  }
}
