package io.skerry.packager.quantize;

/**
 * How integers stand for reals: real = (integer - zeroPoint) · scale.
 *
 * @param scale > 0
 */
public record TensorScale(IntegerType type, float scale, int zeroPoint) {
  /** The nearest integer of the type. */
  public int quantized(float real) {
    double rounded = Math.rint(real / scale) + zeroPoint;
    return (int) Math.max(type.minimum(), Math.min(type.maximum(), rounded));
  }

  /** The real that an integer stands for. */
  public float real(int quantized) {
    return (quantized - zeroPoint) * scale;
  }
}
