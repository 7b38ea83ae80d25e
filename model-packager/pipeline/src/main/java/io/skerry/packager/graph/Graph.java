package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A model: one float input with the batch first, nodes in the order they run, float outputs. */
public final class Graph {
  private final String name;
  private final String input;
  private final List<String> outputs;
  private final List<Node> nodes;
  private final Map<String, Constant> constants;
  private final Map<String, Shape> shapes;

  /** Made when it is first asked for; whoever makes it makes the same. */
  private @Nullable Neighbours neighbours;

  private record Neighbours(Map<String, Node> producers, Map<String, List<Node>> consumers) {}

  /**
   * A graph.
   *
   * @param constants weights by name
   * @param shapes of the input and of every node's output
   */
  public Graph(
      String name,
      String input,
      List<String> outputs,
      List<Node> nodes,
      Map<String, Constant> constants,
      Map<String, Shape> shapes) {
    this.name = name;
    this.input = input;
    this.outputs = List.copyOf(outputs);
    this.nodes = List.copyOf(nodes);
    this.constants = Map.copyOf(constants);
    this.shapes = Map.copyOf(shapes);
  }

  public String name() {
    return name;
  }

  /** The name of the input. */
  public String input() {
    return input;
  }

  /** Names of the outputs, in the model's order. */
  public List<String> outputs() {
    return outputs;
  }

  /** The nodes, in the order in which they run. */
  public List<Node> nodes() {
    return nodes;
  }

  /** Weights by name. */
  public Map<String, Constant> constants() {
    return constants;
  }

  /** Shapes of the input and of every node's output. */
  public Map<String, Shape> shapes() {
    return shapes;
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
    return Optional.ofNullable(neighbours().producers().get(tensor));
  }

  /** The nodes that read this tensor, in their order. */
  public List<Node> consumers(String tensor) {
    return neighbours().consumers().getOrDefault(tensor, List.of());
  }

  private Neighbours neighbours() {
    Neighbours known = neighbours;
    if (known == null) {
      Map<String, Node> producers = new HashMap<>();
      Map<String, List<Node>> consumers = new HashMap<>();
      for (Node node : nodes) {
        producers.putIfAbsent(node.output(), node);
        for (String operand : new LinkedHashSet<>(node.inputs())) {
          consumers.computeIfAbsent(operand, tensor -> new ArrayList<>()).add(node);
        }
      }
      consumers.replaceAll((tensor, readers) -> List.copyOf(readers));
      known = new Neighbours(producers, consumers);
      neighbours = known;
    }
    return known;
  }
}
