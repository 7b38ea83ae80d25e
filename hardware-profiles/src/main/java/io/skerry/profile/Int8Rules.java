package io.skerry.profile;

/**
 * How int8 models for ONNX Runtime must be built to be right and fast on this class of board.
 *
 * @param activation type of quantized activations; weights are always signed
 * @param reducedWeightRange whether weights are cut to 7 bits, because the processor adds pairs of
 *     8-bit products with 16-bit saturation (x86-64 without VNNI)
 */
public record Int8Rules(Activation activation, boolean reducedWeightRange) {
  /** Type of quantized activations. */
  public enum Activation {
    UINT8,
    INT8
  }
}
