package io.skerry.packager.quantize;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Op;

/**
 * How integers stand for reals: real = (integer - zeroPoint) · scale.
 *
 * @param scale > 0
 */
public record TensorScale(IntegerType type, float scale, int zeroPoint) {
  private static final float HALF_STEP = 0.51f;

  /** The nearest integer of the type. */
  public int quantized(float real) {
    double rounded = Math.rint(real / scale) + zeroPoint;
    return (int) Math.max(type.minimum(), Math.min(type.maximum(), rounded));
  }

  /** Whether no integer stands for a real further beyond these than rounding alone would be. */
  public boolean isWithin(float minimum, float maximum) {
    return real(type.minimum()) >= minimum - scale * HALF_STEP
        && real(type.maximum()) <= maximum + scale * HALF_STEP;
  }

  /** Whether its ends alone do what an activation does. */
  boolean does(Activation activation) {
    return switch (activation) {
      case NONE -> true;
      case RELU -> isWithin(0, Op.Clip.UNBOUNDED);
      case RELU6 -> isWithin(0, 6);
    };
  }

  /** Whether an integer stands for this real as nearly as for those between its ends. */
  boolean says(float real) {
    return Math.abs(real(quantized(real)) - real) <= scale * HALF_STEP;
  }

  /** The real that an integer stands for. */
  public float real(int quantized) {
    return (quantized - zeroPoint) * scale;
  }
}
