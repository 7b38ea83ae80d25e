package io.skerry.packager.graph;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model: one float input with the batch first, nodes in the order they run, float outputs.
 *
 * @param constants weights by name
 * @param shapes of the input and of every node's output
 */
public record Graph(
    String name,
    String input,
    List<String> outputs,
    List<Node> nodes,
    Map<String, Constant> constants,
    Map<String, Shape> shapes) {
  public Graph {
    outputs = List.copyOf(outputs);
    nodes = List.copyOf(nodes);
    constants = Map.copyOf(constants);
    shapes = Map.copyOf(shapes);
  }

  /** The shape of a tensor or constant. */
  public Shape shape(String tensor) {
    Shape shape = shapes.get(tensor);
    return shape != null ? shape : constant(tensor).orElseThrow().shape();
  }

  /** The constant of this name. */
  public Optional<Constant> constant(String tensor) {
    return Optional.ofNullable(constants.get(tensor));
  }

  /** The node that makes this tensor. */
  public Optional<Node> producer(String tensor) {
    return nodes.stream().filter(node -> node.output().equals(tensor)).findFirst();
  }

  /** The nodes that read this tensor. */
  public List<Node> consumers(String tensor) {
    return nodes.stream().filter(node -> node.inputs().contains(tensor)).toList();
  }
}
