package io.skerry.packager.quantize;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;

/** Weights [I,O/group,...] of a transposed convolution as integers: one scale per output. */
final class TransposedWeights {
  private TransposedWeights() {}

  /** The layer, its weights in the order of the float ones, each the nearest integer. */
  static QuantizedLayer layer(Graph graph, Node node, Op.ConvTranspose conv, TensorScale input) {
    Constant weights = graph.constant(node.inputs().get(1)).orElseThrow();
    float[] bias =
        node.inputs().size() > 2
            ? graph.constant(node.inputs().get(2)).orElseThrow().values()
            : new float[0];
    float[] magnitudes = new float[weights.shape().dimension(1) * conv.group()];
    int[] outputs = new int[weights.size()];
    for (int i = 0; i < outputs.length; i++) {
      outputs[i] = conv.outputOf(i, weights.shape());
      magnitudes[outputs[i]] = Math.max(magnitudes[outputs[i]], Math.abs(weights.at(i)));
    }
    float[] scales = QuantizationRules.weightScales(magnitudes);
    for (int o = 0; o < bias.length; o++) {
      scales[o] = QuantizationRules.weightScaleForBias(scales[o], input.scale(), bias[o]);
    }
    byte[] integers = new byte[outputs.length];
    for (int i = 0; i < integers.length; i++) {
      integers[i] = QuantizationRules.weight(weights.at(i), scales[outputs[i]]);
    }
    return Quantizer.withBias(integers, scales, bias, input);
  }
}
