package io.skerry.profile;

/**
 * How int8 models for ONNX Runtime must be built to be right and fast on this class of board.
 *
 * @param activation type of quantized activations; weights are always signed
 * @param reducedWeightRange whether weights keep pairs of products within 16 bits, because the
 *     processor adds them with saturation (x86-64 without VNNI)
 * @param symmetric whether activations have their zero point in the middle (TensorRT)
 * @param perTensorWeights whether a layer's weights have one scale instead of one per output
 */
public record Int8Rules(
    Activation activation,
    boolean reducedWeightRange,
    boolean symmetric,
    boolean perTensorWeights) {
  /** Type of quantized activations. */
  public enum Activation {
    UINT8,
    INT8
  }
}
