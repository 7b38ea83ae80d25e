package io.skerry.packager.graph;

import java.util.List;

/**
 * One operator of the graph.
 *
 * @param name unique; what messages say
 * @param inputs names of tensors or constants, in the operator's order
 * @param output name of the one tensor it makes
 * @param activation applied to the result; {@link Activation#NONE} unless the operator takes one
 */
public record Node(String name, Op op, List<String> inputs, String output, Activation activation) {
  public Node {
    inputs = List.copyOf(inputs);
  }

  Node(String name, Op op, List<String> inputs, String output) {
    this(name, op, inputs, output, Activation.NONE);
  }

  /** The first operand. */
  public String input() {
    return inputs.getFirst();
  }

  /** The same node where a tensor has another name. */
  Node renamed(String tensor, String other) {
    return new Node(
        name,
        op,
        inputs.stream().map(input -> input.equals(tensor) ? other : input).toList(),
        output.equals(tensor) ? other : output,
        activation);
  }
}
