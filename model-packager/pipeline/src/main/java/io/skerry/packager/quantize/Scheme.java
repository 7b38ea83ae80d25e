package io.skerry.packager.quantize;

/**
 * What a target wants of int8.
 *
 * @param activations type of activations, asymmetric
 * @param reducedWeights whether weights keep within 7 bits, for CPUs whose 8-bit dot product
 *     saturates a 16-bit sum (x86-64 with AVX2 and without VNNI)
 */
public record Scheme(IntegerType activations, boolean reducedWeights) {
  /** x86-64 with VNNI, and arm64. */
  public static final Scheme UNSIGNED = new Scheme(IntegerType.UINT8, false);

  /** x86-64 without VNNI. */
  public static final Scheme UNSIGNED_REDUCED = new Scheme(IntegerType.UINT8, true);

  /** TFLite. */
  public static final Scheme SIGNED = new Scheme(IntegerType.INT8, false);
}
