package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes an integer and real again is off by half a step at most, whatever the range. */
class RoundTripTest {
  private static final int RANGES = 500;
  private static final int VALUES = 200;

  /** Half a step, and what a float of some hundreds of steps cannot tell. */
  private static final double HALF_STEP = 0.5001;

  @ParameterizedTest
  @EnumSource
  void keepsActivationsWithinHalfAStep(IntegerType type) {
    Random random = new Random(1);
    for (int i = 0; i < RANGES; i++) {
      float one = magnitude(random) * sign(random);
      float other = magnitude(random) * sign(random);
      float low = Math.min(one, other);
      float high = Math.max(one, other);
      TensorScale scale = QuantizationRules.activation(low, high, type);

      assertThat(scale.zeroPoint()).isBetween(type.minimum(), type.maximum());
      assertThat(scale.real(scale.quantized(0))).isZero();
      // A zero point is rounded, too: one end may lie half a step beyond the integers.
      keeps(random, scale, Math.min(low, 0), Math.max(high, 0), 1);
      keeps(random, scale, scale.real(type.minimum()), scale.real(type.maximum()), HALF_STEP);
    }
  }

  @ParameterizedTest
  @EnumSource
  void keepsSymmetricActivationsWithinHalfAStep(IntegerType type) {
    Random random = new Random(2);
    for (int i = 0; i < RANGES; i++) {
      float low = -magnitude(random);
      float high = magnitude(random);

      keeps(random, QuantizationRules.symmetricActivation(low, high, type), low, high, HALF_STEP);
    }
  }

  /** Each output by its own scale, though magnitudes differ by many orders. */
  @RepeatedTest(20)
  void keepsWeightsWithinHalfAStepOfTheirOwnOutput(RepetitionInfo repetition) {
    Random random = new Random(repetition.getCurrentRepetition());
    float[][] weights = new float[16][VALUES];
    float[] magnitudes = new float[weights.length];
    for (int o = 0; o < weights.length; o++) {
      float magnitude = magnitude(random);
      for (int i = 0; i < VALUES; i++) {
        weights[o][i] = magnitude * (2 * random.nextFloat() - 1);
        magnitudes[o] = Math.max(magnitudes[o], Math.abs(weights[o][i]));
      }
    }
    float[] scales = QuantizationRules.weightScales(magnitudes);

    for (int o = 0; o < weights.length; o++) {
      for (float real : weights[o]) {
        double back = (double) QuantizationRules.weight(real, scales[o]) * scales[o];
        assertThat(Math.abs(back - real)).isLessThanOrEqualTo(HALF_STEP * scales[o]);
      }
    }
  }

  /** Even where the weights' scale has to grow for it. */
  @RepeatedTest(20)
  void keepsBiasesWithinHalfAStep(RepetitionInfo repetition) {
    Random random = new Random(repetition.getCurrentRepetition());
    for (int i = 0; i < RANGES; i++) {
      float input = magnitude(random);
      float bias = magnitude(random) * sign(random);
      float weight = QuantizationRules.weightScaleForBias(magnitude(random), input, bias);
      double scale = (double) input * weight;
      int integer = QuantizationRules.bias(bias, (float) scale);

      // A float of the bias itself has 24 bits, and the scale, too.
      assertThat(Math.abs(integer * scale - bias))
          .isLessThanOrEqualTo(HALF_STEP * scale + Math.abs(bias) * 1e-6);
      assertThat(Math.abs((long) integer)).isLessThanOrEqualTo(Integer.MAX_VALUE / 2 + 1024L);
    }
  }

  private static void keeps(
      Random random, TensorScale scale, float low, float high, double stepsMax) {
    for (int i = 0; i < VALUES; i++) {
      float real = low + (high - low) * random.nextFloat();
      double off = Math.abs((double) scale.real(scale.quantized(real)) - real);
      assertThat(off).isLessThanOrEqualTo(stepsMax * scale.scale());
    }
  }

  /** Of any order between a millionth and a million. */
  private static float magnitude(Random random) {
    return (float) Math.pow(10, 12 * random.nextDouble() - 6);
  }

  private static int sign(Random random) {
    return random.nextBoolean() ? 1 : -1;
  }
}
