package io.skerry.packager.quantize;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a target wants of int8.
 *
 * @param activations type of activations
 * @param symmetric whether an activation's zero point is the middle of its type, as TensorRT wants;
 *     biases then stay float
 * @param saturatingPairs whether the processor adds pairs of 8-bit products with 16-bit saturation
 *     (x86-64 with AVX2 and without VNNI); weights keep to {@link SaturationBound} then
 * @param perTensorWeights whether a layer's weights have one scale instead of one per output
 */
public record Scheme(
    IntegerType activations, boolean symmetric, boolean saturatingPairs, boolean perTensorWeights) {
  /** As reports write it. */
  public List<String> texts() {
    List<String> texts = new ArrayList<>(List.of(activations.name().toLowerCase(Locale.ROOT)));
    if (symmetric) {
      texts.add("symmetric");
    }
    if (saturatingPairs) {
      texts.add("pairs within 16 bits");
    }
    texts.add(perTensorWeights ? "per tensor" : "per channel");
    return texts;
  }

  /** x86-64 with VNNI. */
  public static final Scheme UNSIGNED = new Scheme(IntegerType.UINT8, false, false, false);

  /** x86-64 without VNNI. */
  public static final Scheme UNSIGNED_SATURATING =
      new Scheme(IntegerType.UINT8, false, true, false);

  /** TFLite, and arm64. */
  public static final Scheme SIGNED = new Scheme(IntegerType.INT8, false, false, false);

  /** TensorRT. */
  public static final Scheme SYMMETRIC = new Scheme(IntegerType.INT8, true, false, false);
}
