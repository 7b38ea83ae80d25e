package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.FloatBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ChannelSumsTest {
  private static final int CHANNELS = 3;
  private static final int EACH = 5;
  private static final int ITEMS = 100;

  @Test
  void areTheSameHoweverManyItemsComeAtOnce() {
    float[] values = new float[ITEMS * CHANNELS * EACH];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(9) - 4));
    }
    ChannelSums all = sums(values, ITEMS);

    for (int atOnce : new int[] {1, 2, 7, 31, 32, 33}) {
      ChannelSums some = sums(values, atOnce);

      assertThat(some.means()).as("%d at once", atOnce).containsExactly(all.means());
      assertThat(some.magnitudes()).containsExactly(all.magnitudes());
    }
  }

  private static ChannelSums sums(float[] values, int atOnce) {
    ChannelSums sums = new ChannelSums(CHANNELS);
    int most = atOnce * CHANNELS * EACH;
    for (int from = 0; from < values.length; from += most) {
      sums.add(FloatBuffer.wrap(values, from, Math.min(most, values.length - from)), EACH);
    }
    return sums;
  }
}
