package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SaturationBoundTest {
  private static final int[] EXTREMES = {0, 255};

  @Test
  void saysOfEveryPairWhatTheInstructionWouldDo() {
    for (int first = -128; first <= 127; first++) {
      for (int second = -128; second <= 127; second++) {
        byte[] pair = {(byte) first, (byte) second};

        assertThat(SaturationBound.canSaturate(pair, 0, 2))
            .as("%d and %d", first, second)
            .isEqualTo(saturates(first, second));
      }
    }
  }

  @Test
  void saysOfManyWeightsWhatTheirWorstPairDoes() {
    java.util.Random random = new java.util.Random(5);
    for (int round = 0; round < 2000; round++) {
      byte[] weights = new byte[2 + random.nextInt(6)];
      int reach = 1 + random.nextInt(127);
      for (int i = 0; i < weights.length; i++) {
        weights[i] = (byte) (random.nextInt(2 * reach + 1) - reach);
      }
      boolean any = false;
      for (int i = 0; i < weights.length; i++) {
        for (int j = 0; j < i; j++) {
          any |= saturates(weights[i], weights[j]);
        }
      }

      assertThat(SaturationBound.canSaturate(weights, 0, weights.length)).isEqualTo(any);
    }
  }

  /** The sum is linear in both activations, so that it is extreme at their extremes. */
  private static boolean saturates(int first, int second) {
    for (int a : EXTREMES) {
      for (int b : EXTREMES) {
        int sum = a * first + b * second;
        if (sum > Short.MAX_VALUE || sum < Short.MIN_VALUE) {
          return true;
        }
      }
    }
    return false;
  }
}
