package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UnjudgedTest {
  private static final int ITEMS = 100;

  @Test
  void hasNothingToSayOfOutputsThatAreAboutTheSame() {
    float[] floats = random(1, 3 * ITEMS, 1);
    Unjudged unjudged = unjudged(3, floats);

    Outputs said = Outputs.of(3, noisy(floats, 0.01f));

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said)).isEmpty();
  }

  @Test
  void refusesOutputsThatSaySomethingElse() {
    float[] floats = random(1, 3 * ITEMS, 1);
    Unjudged unjudged = unjudged(3, floats);

    Outputs said = Outputs.of(3, random(2, 3 * ITEMS, 1));

    assertThat(unjudged.fault(said).orElseThrow())
        .contains("no longer says what the given model says", "output 'second'", "of 100 items");
    assertThat(unjudged.chosen(1, 2, 3).fault(said.chosen(1, 2, 3)).orElseThrow())
        .contains("of 3 items");
  }

  /** A head that hardly ever fires: integers of it are all 0, and nothing is wrong with that. */
  @Test
  void onlyRemarksThatProbabilitiesNextToNothingAreNoise() {
    float[] floats = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      floats[i] = 1e-6f * i;
    }
    Unjudged unjudged = unjudged(1, floats);

    Outputs said = Outputs.of(1, new float[ITEMS]);

    assertThat(unjudged.fault(said)).isEmpty();
    assertThat(unjudged.remark(said).orElseThrow())
        .isEqualTo("output 'second', which does not judge, agrees on 100 of 100 items at 0.0 dB");
  }

  @Test
  void refusesNumbersThatAreNone() {
    float[] floats = random(1, ITEMS, 1);
    float[] none = new float[ITEMS];
    Arrays.fill(none, Float.NaN);

    assertThat(unjudged(1, floats).fault(Outputs.of(1, none))).isPresent();
  }

  private static Unjudged unjudged(int each, float... floats) {
    TensorSpec second = new TensorSpec("second", ElementType.FP32, List.of(-1L, (long) each));
    return Unjudged.of(List.of(second), Outputs.of(each, floats), 0.5);
  }

  private static float[] random(long seed, int count, double scale) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }

  private static float[] noisy(float[] values, float noise) {
    float[] added = random(9, values.length, noise);
    for (int i = 0; i < added.length; i++) {
      added[i] += values[i];
    }
    return added;
  }
}
