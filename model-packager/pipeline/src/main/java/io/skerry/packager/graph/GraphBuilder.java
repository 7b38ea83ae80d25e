package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A graph while it is read from another format: node by node, every shape worked out at once. */
public final class GraphBuilder {
  private final String name;
  private final String input;
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Constant> constants = new LinkedHashMap<>();
  private final Map<String, Shape> shapes = new LinkedHashMap<>();

  /** A graph of no nodes yet. */
  public GraphBuilder(String name, String input, Shape shape) {
    this.name = name;
    this.input = input;
    shape.requireComputable(input);
    shapes.put(input, shape);
  }

  /** Adds a constant; returns the name that it got. */
  public String constant(String wanted, Constant constant) {
    String free = free(wanted);
    constants.put(free, constant);
    return free;
  }

  /** The constant of this name, if it is one. */
  public @Nullable Constant constantOrNull(String name) {
    return constants.get(name);
  }

  /**
   * Adds a node.
   *
   * @return the name that its output got
   * @throws ModelRefusedException if the operands do not fit the operator, or too much is made of
   *     them
   */
  public String node(
      String nodeName, Op op, Activation activation, String wanted, List<String> inputs) {
    if (inputs.stream().allMatch(constants::containsKey)) {
      throw new ModelRefusedException(
          "all its operands are constant, and it is not computed when the model is read:"
              + " export with constants folded");
    }
    String output = free(wanted);
    Shape shape = ShapeRules.outputOf(op, inputs.stream().map(this::shape).toList());
    shape.requireComputable(output);
    shapes.put(output, shape);
    nodes.add(new Node(nodeName, op, inputs, output, activation));
    return output;
  }

  /** The shape of a tensor or constant. */
  public Shape shape(String tensor) {
    Constant constant = constants.get(tensor);
    Shape shape = constant != null ? constant.shape() : shapes.get(tensor);
    if (shape == null) {
      throw ModelRefusedException.ofPart("tensor '%s' is made by no node".formatted(tensor));
    }
    return shape;
  }

  /** Gives a tensor another name everywhere; returns it. */
  public String renamed(String tensor, String other) {
    if (tensor.equals(input) || shapes.containsKey(other) || constants.containsKey(other)) {
      return tensor;
    }
    shapes.put(other, shape(tensor));
    shapes.remove(tensor);
    nodes.replaceAll(node -> node.renamed(tensor, other));
    return other;
  }

  /** The graph, simplified. */
  public Graph build(List<String> outputs) {
    return Rewrites.simplified(new Graph(name, input, outputs, nodes, constants, shapes));
  }

  private String free(String wanted) {
    String free = wanted;
    for (int i = 2; shapes.containsKey(free) || constants.containsKey(free); i++) {
      free = wanted + "#" + i;
    }
    return free;
  }
}
