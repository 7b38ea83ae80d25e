package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResidualsTest {
  private static final int ROWS = 500;
  // Features that are computed with many, and add nothing.
  private static final int PADDED = 12;

  /** A row counts alike on every machine, whichever way its features are gone through. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 5, 8})
  void givesTheSameBitsForFewFeaturesAsForMany(int features) {
    Random random = new Random(features);
    int rank = 1 + random.nextInt(features);
    double[] mean = random.doubles(features).toArray();
    double[] deviation = random.doubles(features, .5, 2).toArray();
    float[] components = floats(rank * features, random);
    float[] eigenvalues = new float[rank];
    Arrays.fill(eigenvalues, .5f + random.nextFloat());
    Residuals few = new Residuals(mean, deviation, components, eigenvalues);
    float[] wide = new float[rank * PADDED];
    for (int j = 0; j < rank; j++) {
      System.arraycopy(components, j * features, wide, j * PADDED, features);
    }
    Residuals many =
        new Residuals(
            Arrays.copyOf(mean, PADDED), Arrays.copyOf(deviation, PADDED), wide, eigenvalues);
    Residuals.Scratch found = new Residuals.Scratch(few);
    Residuals.Scratch expected = new Residuals.Scratch(many);

    for (int row = 0; row < ROWS; row++) {
      float[] values = floats(features, random);
      few.compute(values, found);
      many.compute(Arrays.copyOf(values, PADDED), expected);

      assertThat(found.squaredPredictionError).isEqualTo(expected.squaredPredictionError);
      assertThat(found.hotelling).isEqualTo(expected.hotelling);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 8, 9})
  void isNoNumberWhereAValueIsMissing(int features) {
    double[] zeros = new double[features];
    float[] components = new float[features];
    components[0] = 1;
    Residuals residuals = new Residuals(zeros, zeros, components, new float[] {1});
    Residuals.Scratch found = new Residuals.Scratch(residuals);
    float[] values = new float[features];
    values[features - 1] = Float.NaN;

    residuals.compute(values, found);

    assertThat(found.squaredPredictionError).isNaN();
    assertThat(found.hotelling).isNaN();
  }

  private static float[] floats(int count, Random random) {
    float[] floats = new float[count];
    for (int i = 0; i < count; i++) {
      floats[i] = (float) random.nextGaussian();
    }
    return floats;
  }
}
