package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.quantize.TensorScale;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Channels in groups, the first of each group put before all second ones, and so on: a feature map
 * is seen with groups of channels, turned, and seen as a feature map again. Where channels lie last
 * only they have to move, not all places twice.
 *
 * @param nodes that do so, in their order: two reshapes and the transpose between
 * @param groups of channels
 */
record ChannelShuffle(List<Node> nodes, int groups) {
  ChannelShuffle {
    nodes = List.copyOf(nodes);
  }

  /** One that begins with this node, if there is. */
  static Optional<ChannelShuffle> from(Graph graph, Node node) {
    Shape map = graph.shape(node.input());
    if (!(node.op() instanceof Op.Reshape(Shape grouped))
        || map.rank() < 3
        || grouped.rank() != map.rank() + 1
        || grouped.dimension(1) * grouped.dimension(2) != map.dimension(1)
        || !spatial(grouped, 3).equals(spatial(map, 2))) {
      return Optional.empty();
    }
    Optional<Node> turn = onlyReader(graph, node).filter(ChannelShuffle::swapsGroups);
    Optional<Node> last =
        turn.flatMap(swapped -> onlyReader(graph, swapped))
            .filter(n -> n.op() instanceof Op.Reshape && graph.shape(n.output()).equals(map));
    return last.map(
        end -> new ChannelShuffle(List.of(node, turn.orElseThrow(), end), grouped.dimension(1)));
  }

  private static List<Integer> spatial(Shape shape, int from) {
    return shape.dimensions().subList(from, shape.rank());
  }

  private static boolean swapsGroups(Node node) {
    return node.op() instanceof Op.Transpose(List<Integer> order)
        && (order.equals(List.of(0, 2, 1, 3, 4)) || order.equals(List.of(0, 2, 1, 3)));
  }

  private static Optional<Node> onlyReader(Graph graph, Node node) {
    List<Node> readers = graph.consumers(node.output());
    return readers.size() == 1 && !graph.outputs().contains(node.output())
        ? Optional.of(readers.getFirst())
        : Optional.empty();
  }

  /**
   * Writes it.
   *
   * @param scale of integers
   */
  void write(Tensors tensors, TfliteFile file, @Nullable TensorScale scale) {
    boolean integer = scale != null;
    String name = nodes.getLast().output();
    int[] map = tensors.shape(name, Layout.CHANNELS_LAST);
    int each = map[3] / groups;
    int[] grouped = {1, map[1], map[2], groups, each};
    int[] turned = {1, map[1], map[2], each, groups};
    int input = tensors.index(nodes.getFirst().input(), Layout.CHANNELS_LAST, integer);
    int before = file.activation(name + "_grouped", grouped, scale);
    tensors.reshape(input, before, grouped);
    int after = file.activation(name + "_turned", turned, scale);
    tensors.transpose(before, after, integer, 0, 1, 2, 4, 3);
    tensors.reshape(after, tensors.declare(name, Layout.CHANNELS_LAST, integer), map);
  }
}
