package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.packager.calibrate.Lattice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantizationRulesTest {
  /** Computed by hand: scale = (max - min) / 255 in double, zero point half to even. */
  @ParameterizedTest
  @CsvSource({
    "-1.0,   1.0,   UINT8, 0.007843138, 128",
    "-1.0,   1.0,   INT8,  0.007843138, 0",
    "0.0,    2.55,  UINT8, 0.01,        0",
    "0.0,    2.55,  INT8,  0.01,        -128",
    "0.5,    2.55,  UINT8, 0.01,        0",
    "-2.55,  0.0,   UINT8, 0.01,        255",
    "-2.55, -1.0,   INT8,  0.01,        127",
    "-0.51,  2.04,  UINT8, 0.01,        51",
    "-0.51,  2.04,  INT8,  0.01,        -77",
    "0.0,    6.0,   UINT8, 0.023529412, 0",
    "-3.0,   9.75,  UINT8, 0.05,        60",
    "-1.9765625, 2.0078125, UINT8, 0.015625, 126",
    "-1.9765625, 2.0078125, INT8,  0.015625, -2",
    "0.0,    0.0,   UINT8, 1.0,         0",
    "0.0,    0.0,   INT8,  1.0,         0"
  })
  void scalesActivations(
      float minimum, float maximum, IntegerType type, float scale, int zeroPoint) {
    TensorScale found = QuantizationRules.activation(minimum, maximum, type);

    assertThat(found.scale()).isEqualTo(scale);
    assertThat(found.zeroPoint()).isEqualTo(zeroPoint);
  }

  @ParameterizedTest
  @CsvSource({"1.27, 0.01", "12.7, 0.1", "0.0, 1.0"})
  void scalesWeights(float magnitude, float scale) {
    assertThat(QuantizationRules.weightScale(magnitude)).isEqualTo(scale);
  }

  /** Computed by hand: largest magnitude / 127, zero point in the middle of the type. */
  @ParameterizedTest
  @CsvSource({
    "-1.27, 1.0,  INT8,  0.01, 0",
    "-1.0,  1.27, INT8,  0.01, 0",
    "0.0,   12.7, INT8,  0.1,  0",
    "0.0,   1.27, UINT8, 0.01, 128",
    "0.0,   0.0,  INT8,  1.0,  0"
  })
  void scalesSymmetricActivations(
      float minimum, float maximum, IntegerType type, float scale, int zeroPoint) {
    TensorScale found = QuantizationRules.symmetricActivation(minimum, maximum, type);

    assertThat(found.scale()).isEqualTo(scale);
    assertThat(found.zeroPoint()).isEqualTo(zeroPoint);
  }

  @ParameterizedTest
  @CsvSource({
    "1.0,  1.0, 1",
    "0.5,  1.0, 0",
    "1.5,  1.0, 2",
    "2.5,  1.0, 2",
    "-1.5, 1.0, -2",
    "200,  1.0, 127",
    "-200, 1.0, -127"
  })
  void roundsWeightsHalfToEvenAndKeepsThemSymmetric(float real, float scale, byte integer) {
    assertThat(QuantizationRules.weight(real, scale)).isEqualTo(integer);
  }

  @Test
  void roundsBiasesAndClipsThemTo32Bits() {
    assertThat(QuantizationRules.bias(0.625f, 0.25f)).isEqualTo(2);
    assertThat(QuantizationRules.bias(0.875f, 0.25f)).isEqualTo(4);
    assertThat(QuantizationRules.bias(-0.375f, 0.25f)).isEqualTo(-2);
    assertThat(QuantizationRules.bias(1e30f, 1e-9f)).isEqualTo(Integer.MAX_VALUE);
    assertThat(QuantizationRules.bias(-1e30f, 1e-9f)).isEqualTo(Integer.MIN_VALUE);
  }

  @Test
  void enlargesWeightScaleUntilTheBiasFits() {
    float kept = QuantizationRules.weightScaleForBias(0.01f, 0.01f, 100);
    float enlarged = QuantizationRules.weightScaleForBias(1e-6f, 1e-6f, 100);

    assertThat(kept).isEqualTo(0.01f);
    // The products of a 3x3 kernel are added to it; engines wrap around.
    assertThat(Math.abs(100 / (double) (1e-6f * enlarged)) + 9 * 255 * 127)
        .isLessThan(Integer.MAX_VALUE);
    assertThat(enlarged).isLessThan(0.1f);
  }

  @ParameterizedTest
  @CsvSource({"UINT8", "INT8"})
  void quantizingTwiceChangesNothing(IntegerType type) {
    TensorScale scale = QuantizationRules.activation(-3.1f, 7.7f, type);

    for (int integer = type.minimum(); integer <= type.maximum(); integer++) {
      assertThat(scale.quantized(scale.real(integer))).isEqualTo(integer);
    }
    assertThat(scale.real(scale.quantized(0))).isZero();
  }

  /** Multiples of a step, its lowest and highest: zero point and the integers of both ends. */
  @ParameterizedTest
  @CsvSource({
    "0, 256, UINT8, 0, 0, 255",
    "0, 256, INT8, -128, -128, 127",
    "-211, 250, INT8, 86, -125, 124",
    "-211, 250, UINT8, 214, 3, 252",
    "0, 100, UINT8, 0, 0, 99",
    "-99, 100, UINT8, 255, 156, 255"
  })
  void standsForWholeStepsExactly(
      int lowest, int levels, IntegerType type, int zeroPoint, int first, int last) {
    TensorScale scale =
        QuantizationRules.lattice(new Lattice.Steps(0.5847029, lowest, levels), type);

    assertThat(scale.zeroPoint()).isEqualTo(zeroPoint);
    assertThat(scale.quantized((float) (lowest * 0.5847029))).isEqualTo(first);
    assertThat(scale.quantized((float) ((lowest + levels - 1) * 0.5847029))).isEqualTo(last);
    for (int multiple = lowest; multiple < lowest + levels; multiple++) {
      float real = (float) (multiple * 0.5847029);
      assertThat(scale.real(scale.quantized(real))).isCloseTo(real, within(1e-4f));
    }
  }
}
