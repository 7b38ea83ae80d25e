package io.skerry.packager.quantize;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the ends of integers do beside saying reals: they cut off. A quantizer relies on it and
 * leaves out activations and clips that the ends do at no cost, so that floats made of such
 * integers need them.
 */
final class IntegerBounds {
  private IntegerBounds() {}

  /**
   * The graph on floats that are cut off where the integers were.
   *
   * @param scales of what was integer and is to be cut off
   * @param all gets the scale of what is then cut off
   */
  static Graph added(Graph graph, Map<String, TensorScale> scales, Map<String, TensorScale> all) {
    List<Node> nodes = new ArrayList<>();
    Map<String, Shape> shapes = new HashMap<>(graph.shapes());
    for (Node node : graph.nodes()) {
      TensorScale scale = scales.get(node.output());
      if (scale == null || !mayExceed(node, scale, scales)) {
        nodes.add(node);
        continue;
      }
      String unbounded = unused(node.output() + "_unbounded", graph, shapes);
      shapes.put(unbounded, graph.shape(node.output()));
      all.put(unbounded, scale);
      Activation left = scale.does(node.activation()) ? Activation.NONE : node.activation();
      nodes.add(new Node(node.name(), node.op(), node.inputs(), unbounded, left));
      Op clip = new Op.Clip(scale.real(scale.type().minimum()), scale.real(scale.type().maximum()));
      nodes.add(
          new Node(
              node.name() + "_bound", clip, List.of(unbounded), node.output(), Activation.NONE));
    }
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), nodes, graph.constants(), shapes);
  }

  /** The graph with a Relu of its own wherever the ends of its integers were one. */
  static Graph withRelus(Graph graph, Map<String, TensorScale> scales) {
    List<Node> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      TensorScale scale = scales.get(node.output());
      boolean bounded =
          scale != null
              && node.activation() == Activation.NONE
              && mayExceed(node, scale, scales)
              && scale.does(Activation.RELU);
      nodes.add(
          bounded
              ? new Node(node.name(), node.op(), node.inputs(), node.output(), Activation.RELU)
              : node);
    }
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), nodes, graph.constants(), graph.shapes());
  }

  /** Whether a node makes what its own integers cannot say of what it reads. */
  private static boolean mayExceed(Node node, TensorScale scale, Map<String, TensorScale> scales) {
    return switch (node.op()) {
      case Op.Sigmoid s -> false;
      case Op.Softmax s -> false;
      case Op.Clip c -> false;
      case Op.Concat c -> false;
      case Op.GlobalAveragePool g -> isNarrower(scale, scales.get(node.input()));
      case Op.Mean m -> isNarrower(scale, scales.get(node.input()));
      default -> !node.op().passesThrough();
    };
  }

  /** A mean lies between what it is of, whose integers bound it unless its own do. */
  private static boolean isNarrower(TensorScale own, @Nullable TensorScale read) {
    return read == null
        || !own.says(read.real(read.type().minimum()))
        || !own.says(read.real(read.type().maximum()));
  }

  private static String unused(String wanted, Graph graph, Map<String, Shape> shapes) {
    String free = wanted;
    for (int i = 2; shapes.containsKey(free) || graph.constant(free).isPresent(); i++) {
      free = wanted + "#" + i;
    }
    return free;
  }

  /**
   * The graph without clips of floats that only become integers, whose ends are those of the clip.
   *
   * @param scales of all that is integer; gets those of what was clipped
   * @param quantized names of nodes that compute on integers
   */
  static Graph removed(Graph graph, Map<String, TensorScale> scales, Set<String> quantized) {
    List<Node> nodes = new ArrayList<>(graph.nodes());
    for (Node node : graph.nodes()) {
      if (!isNeedless(node, graph, scales, quantized)) {
        continue;
      }
      scales.put(node.input(), scales.get(node.output()));
      nodes.remove(node);
      nodes.replaceAll(
          reader ->
              new Node(
                  reader.name(),
                  reader.op(),
                  reader.inputs().stream()
                      .map(input -> input.equals(node.output()) ? node.input() : input)
                      .toList(),
                  reader.output(),
                  reader.activation()));
    }
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), nodes, graph.constants(), graph.shapes());
  }

  private static boolean isNeedless(
      Node node, Graph graph, Map<String, TensorScale> scales, Set<String> quantized) {
    TensorScale scale = scales.get(node.output());
    List<Node> readers = graph.consumers(node.output());
    return node.op() instanceof Op.Clip(float minimum, float maximum)
        && scale != null
        && scale.isWithin(minimum, maximum)
        && !scales.containsKey(node.input())
        && graph.consumers(node.input()).size() == 1
        && !graph.outputs().contains(node.input())
        && !graph.outputs().contains(node.output())
        && !readers.isEmpty()
        && readers.stream().allMatch(reader -> quantized.contains(reader.name()));
  }
}
