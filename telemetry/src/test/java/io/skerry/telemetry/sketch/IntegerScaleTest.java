package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IntegerScaleTest {
  @ParameterizedTest
  @ValueSource(ints = {-128, -1, 0, 1, 127})
  void keepsTheSignOfWhatIsTooLarge(int zeroPoint) {
    IntegerScale scale = new IntegerScale(1e-6f, zeroPoint);

    for (double large : new double[] {1, 1e30, Double.POSITIVE_INFINITY}) {
      assertThat(scale.integer(large)).isEqualTo(Byte.MAX_VALUE);
      assertThat(scale.integer(-large)).isEqualTo(Byte.MIN_VALUE);
    }
    assertThat(scale.integer(Double.NaN)).isEqualTo((byte) zeroPoint);
    for (int integer = Byte.MIN_VALUE; integer <= Byte.MAX_VALUE; integer++) {
      assertThat(scale.integer(scale.real((byte) integer))).isEqualTo((byte) integer);
    }
  }
}
