package io.skerry.packager.quantize;

import java.util.Optional;

/**
 * Weights and bias of a convolution or dense layer as integers, one scale per output.
 *
 * <p>Weights are int8, symmetric, in the layout of the float ones; the bias is int32 with scale
 * input scale · weight scale.
 */
public final class QuantizedLayer {
  private final byte[] weights;
  private final float[] scales;
  private final int[] bias;
  private final float[] biasScales;
  private final float[] realBias;

  QuantizedLayer(byte[] weights, float[] scales, int[] bias, float[] biasScales, float[] realBias) {
    this.weights = weights;
    this.scales = scales;
    this.bias = bias;
    this.biasScales = biasScales;
    this.realBias = realBias;
  }

  /** Weights, outputs first. */
  public byte[] weights() {
    return weights.clone();
  }

  /** One scale per output. */
  public float[] scales() {
    return scales.clone();
  }

  /** One value per output; absent when the layer has none. */
  public Optional<int[]> bias() {
    return bias.length == 0 ? Optional.empty() : Optional.of(bias.clone());
  }

  /** The bias before rounding, for targets that add it as floats. */
  public float[] realBias() {
    return realBias.clone();
  }

  /** One scale per output. */
  public float[] biasScales() {
    return biasScales.clone();
  }
}
