package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Lattice;

/**
 * The arithmetic of onnxruntime.quantization, so that the same ranges give the same integers.
 *
 * <p>Ranges are widened to hold 0. Rounding is half to even.
 */
public final class QuantizationRules {
  private static final int WEIGHT_MAX = 127;

  /** Half of the 32 bits is left to the sum that a bias is added to: 33,000 products at least. */
  private static final double BIAS_HEADROOM = 2;

  private QuantizationRules() {}

  /**
   * Scale and zero point of an activation.
   *
   * <pre>{@code
   * scale     = (max - min) / (qmax - qmin)
   * zeroPoint = round(qmin - min / scale)
   * }</pre>
   *
   * <p>A range too small for a float scale gives scale 1 and zero point 0.
   */
  public static TensorScale activation(float minimum, float maximum, IntegerType type) {
    double low = Math.min(minimum, 0);
    double high = Math.max(maximum, 0);
    double scale = (high - low) / (type.maximum() - type.minimum());
    if (scale < Float.MIN_NORMAL) {
      return new TensorScale(type, 1, 0);
    }
    int zeroPoint = (int) Math.rint(type.minimum() - low / scale);
    return new TensorScale(type, (float) scale, zeroPoint);
  }

  /**
   * Scale and zero point of a symmetric activation: largest magnitude / 127, and the middle of the
   * type.
   */
  public static TensorScale symmetricActivation(float minimum, float maximum, IntegerType type) {
    float magnitude = Math.max(Math.abs(minimum), Math.abs(maximum));
    int middle = type == IntegerType.INT8 ? 0 : WEIGHT_MAX + 1;
    return new TensorScale(type, weightScale(magnitude), middle);
  }

  /**
   * Scale and zero point of an input that is made of whole steps: each of them exactly an integer.
   * Levels that are left over lie on both sides, unless one side has none.
   */
  public static TensorScale lattice(Lattice.Steps steps, IntegerType type) {
    int spare = type.maximum() - type.minimum() + 1 - steps.levels();
    int highest = steps.lowest() + steps.levels() - 1;
    int below = steps.lowest() == 0 ? 0 : highest == 0 ? spare : spare / 2;
    return new TensorScale(type, (float) steps.step(), type.minimum() + below - steps.lowest());
  }

  /** Scale of symmetric int8 weights: largest magnitude / 127; 1 when all are 0. */
  public static float weightScale(double magnitude) {
    double scale = 2.0 * magnitude / (2 * WEIGHT_MAX);
    return scale < Float.MIN_NORMAL ? 1 : (float) scale;
  }

  /**
   * Scales of a layer's symmetric int8 weights by the largest magnitude of each output. One without
   * weights has that of the largest: by its own, of steps of 1, its bias would be lost.
   */
  static float[] weightScales(float... magnitudes) {
    float largest = 0;
    for (float magnitude : magnitudes) {
      largest = Math.max(largest, magnitude);
    }
    float[] scales = new float[magnitudes.length];
    for (int o = 0; o < scales.length; o++) {
      boolean none = magnitudes[o] / WEIGHT_MAX < Float.MIN_NORMAL;
      scales[o] = weightScale(none ? largest : magnitudes[o]);
    }
    return scales;
  }

  /** The integer of a weight. */
  public static byte weight(float real, float scale) {
    return (byte) Math.max(-WEIGHT_MAX, Math.min(WEIGHT_MAX, Math.rint(real / scale)));
  }

  /**
   * The weight scale, enlarged where the bias, at input scale · weight scale, would leave no room
   * in 32 bits for the sum that it is added to.
   */
  public static float weightScaleForBias(float weightScale, float inputScale, float bias) {
    double smallest = BIAS_HEADROOM * Math.abs((double) bias) / Integer.MAX_VALUE;
    double scale = (double) inputScale * weightScale;
    return scale < smallest ? (float) (weightScale * (smallest / scale)) : weightScale;
  }

  /** The integer of a bias. */
  public static int bias(float real, float scale) {
    double rounded = Math.rint((double) real / scale);
    return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, rounded));
  }
}
