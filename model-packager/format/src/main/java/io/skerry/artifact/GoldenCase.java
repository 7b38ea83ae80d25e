package io.skerry.artifact;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/** Inputs for a model, and the outputs expected for them. */
public record GoldenCase(List<GoldenTensor> inputs, List<GoldenTensor> outputs) {
  public GoldenCase {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /**
   * Where an output that the model gave differs from what is expected.
   *
   * @param data elements from position to limit, little-endian
   * @return one line; empty when it is within tolerance, or nothing is expected of this output
   */
  public Optional<String> difference(
      String output, ElementType type, List<Long> shape, ByteBuffer data, Tolerance tolerance) {
    return outputs.stream()
        .filter(expected -> expected.name().equals(output))
        .findFirst()
        .flatMap(expected -> expected.difference(type, shape, data, tolerance));
  }
}
