package io.skerry.training;

import io.skerry.artifact.npy.NpyArray;

/** Everything that training has found, layer by layer, ready to be written. */
record NetworkWeights(
    Normalisation normalisation,
    Affine first,
    Affine second,
    Affine third,
    Affine hidden,
    Affine score) {
  /**
   * A layer's weights.
   *
   * @param weight shape [out, in, kernel] of a convolution, [out, in] of a dense layer
   * @param bias shape [out]
   */
  record Affine(NpyArray weight, NpyArray bias) {}
}
