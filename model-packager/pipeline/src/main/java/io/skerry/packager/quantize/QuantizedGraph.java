package io.skerry.packager.quantize;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A graph with a decision for every node: integer or float.
 *
 * @param activations scale of each tensor or constant operand that exists as integers
 * @param layers integer weights by node name
 * @param quantized names of the nodes that compute on integers
 */
public record QuantizedGraph(
    Graph graph,
    Scheme scheme,
    Map<String, TensorScale> activations,
    Map<String, QuantizedLayer> layers,
    Set<String> quantized) {
  public QuantizedGraph {
    activations = Map.copyOf(activations);
    layers = Map.copyOf(layers);
    quantized = Set.copyOf(quantized);
  }

  /** Whether a node computes on integers. */
  public boolean isQuantized(Node node) {
    return quantized.contains(node.name());
  }

  /** The scale of a tensor that exists as integers. */
  public TensorScale scale(String tensor) {
    TensorScale scale = activations.get(tensor);
    if (scale == null) {
      throw new IllegalStateException("tensor '%s' has no scale".formatted(tensor));
    }
    return scale;
  }

  /** The integer weights of a convolution or dense layer. */
  public Optional<QuantizedLayer> layer(Node node) {
    return Optional.ofNullable(layers.get(node.name()));
  }

  /** Whether any node reads this tensor as integers. */
  boolean isReadAsIntegers(String tensor) {
    return graph.consumers(tensor).stream().anyMatch(this::isQuantized);
  }
}
