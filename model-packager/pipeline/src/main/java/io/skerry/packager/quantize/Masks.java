package io.skerry.packager.quantize;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Numbers like -1e9, which exporters add to what is not to be attended to: one step of integers
 * that reach so far is more than all that they are added to.
 */
final class Masks {
  /** What scores and biases hardly reach: half of the least mask in use, -10000. */
  private static final float MASK_MIN = 5e3f;

  /** A mask beside elements that are no more than such a part of it. */
  private static final float PARTS = 1e3f;

  private Masks() {}

  /** Names of nodes that add such a mask, or read what holds one: integers would say nothing. */
  static Set<String> nodes(Graph graph) {
    Set<String> nodes = new HashSet<>();
    Set<String> masked = new HashSet<>();
    for (Node node : graph.nodes()) {
      boolean masks =
          addend(graph, node).filter(Masks::hides).isPresent() && isForShares(graph, node);
      boolean reads = node.inputs().stream().anyMatch(masked::contains);
      if (masks || reads) {
        nodes.add(node.name());
      }
      if (masks || (reads && !saysLittle(node))) {
        masked.add(node.output());
      }
    }
    return nodes;
  }

  /** Whether a softmax reads it: another operator may read what never is more than 0, say. */
  private static boolean isForShares(Graph graph, Node node) {
    return graph.consumers(node.output()).stream()
        .anyMatch(
            reader ->
                reader.op() instanceof Op.Softmax
                    || ((reader.op() instanceof Op.Reshape || reader.op() instanceof Op.Transpose)
                        && isForShares(graph, reader)));
  }

  private static Optional<Constant> addend(Graph graph, Node node) {
    boolean sum =
        node.op() instanceof Op.Binary(Op.Binary.Kind kind)
            && (kind == Op.Binary.Kind.ADD || kind == Op.Binary.Kind.SUB);
    boolean biased = node.op().isWeighted() && node.inputs().size() > 2;
    return node.inputs().stream()
        .filter(input -> sum || (biased && input.equals(node.inputs().get(2))))
        .flatMap(input -> graph.constant(input).stream())
        .findFirst();
  }

  private static boolean hides(Constant addend) {
    float largest = 0;
    float smallest = Float.MAX_VALUE;
    for (int i = 0; i < addend.size(); i++) {
      largest = Math.max(largest, Math.abs(addend.at(i)));
      smallest = Math.min(smallest, Math.abs(addend.at(i)));
    }
    return largest >= MASK_MIN && smallest <= largest / PARTS;
  }

  /** Whether what it makes is bounded, whatever it reads. */
  private static boolean saysLittle(Node node) {
    return node.op() instanceof Op.Softmax
        || node.op() instanceof Op.Sigmoid
        || (node.op() instanceof Op.Function(Op.Function.Kind kind, float slope)
            && kind == Op.Function.Kind.TANH);
  }
}
