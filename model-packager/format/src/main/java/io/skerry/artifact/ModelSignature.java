package io.skerry.artifact;

import java.util.List;
import java.util.Optional;

/** A model's inputs and outputs, in the model's own order. */
public record ModelSignature(List<TensorSpec> inputs, List<TensorSpec> outputs) {
  public ModelSignature {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /** The input of this name. */
  public Optional<TensorSpec> input(String name) {
    return named(inputs, name);
  }

  /** The output of this name. */
  public Optional<TensorSpec> output(String name) {
    return named(outputs, name);
  }

  // No stream: every prediction asks for every name.
  private static Optional<TensorSpec> named(List<TensorSpec> specs, String name) {
    for (TensorSpec spec : specs) {
      if (spec.name().equals(name)) {
        return Optional.of(spec);
      }
    }
    return Optional.empty();
  }
}
