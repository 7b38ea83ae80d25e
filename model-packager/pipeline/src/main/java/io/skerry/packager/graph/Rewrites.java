package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Rewrites that keep what the model computes. */
final class Rewrites {
  /** Steps between two transposes that are looked through. */
  private static final int STEPS_MAX = 16;

  private final Graph original;
  private final List<Node> nodes;
  private final Map<String, Constant> constants;
  private final Map<String, Shape> shapes;
  private final Names names = new Names();

  private Rewrites(Graph graph) {
    original = graph;
    nodes = new ArrayList<>(graph.nodes());
    constants = new LinkedHashMap<>(graph.constants());
    shapes = new LinkedHashMap<>(graph.shapes());
    names.take(graph.constants().keySet());
    names.take(graph.shapes().keySet());
  }

  /**
   * Operators recognised that were written as several, per-channel products and sums folded into
   * weights, activations joined, dead parts removed.
   */
  static Graph simplified(Graph graph) {
    Rewrites rewrites = new Rewrites(graph);
    rewrites.removeDeadNodes();
    new Recognition(rewrites.nodes, rewrites.constants, rewrites.shapes, rewrites.names)
        .recognise();
    rewrites.removeDeadNodes();
    rewrites.moveTurns();
    rewrites.joinAll();
    rewrites.removeTurnsBack();
    rewrites.removeDeadNodes();
    return rewrites.result();
  }

  private void joinAll() {
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get(i);
      Optional<Node> before = soleProducer(node);
      if (before.isEmpty()) {
        continue;
      }
      Optional<Node> joined = joined(before.get(), node);
      if (joined.isPresent()) {
        nodes.remove(i--);
        nodes.set(nodes.indexOf(before.get()), joined.get());
      }
    }
  }

  /**
   * Moves a transpose behind what computes each element alone, where the layer before it takes that
   * up, or where another transpose takes the first one back.
   */
  private void moveTurns() {
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get(i);
      Optional<Node> turn = isMovable(node) ? soleProducer(node) : Optional.empty();
      if (turn.isEmpty() || !(turn.get().op() instanceof Op.Transpose(List<Integer> order))) {
        continue;
      }
      if (original.outputs().contains(node.output())
          || !(isTakenBack(node, order) || isTakenUp(turn.get(), order, node))) {
        continue;
      }
      String made = names.free(node.output() + "_before_turn");
      List<String> inputs =
          node.inputs().stream()
              .map(
                  input ->
                      constants.containsKey(input) ? turnedBack(input, order) : turn.get().input())
              .toList();
      shapes.put(made, shape(turn.get().input()));
      nodes.set(i, new Node(node.name(), node.op(), inputs, made, node.activation()));
      nodes.add(i + 1, new Node(turn.get().name(), turn.get().op(), List.of(made), node.output()));
      nodes.remove(turn.get());
    }
  }

  /** Whether a node computes each element of one tensor alone, with numbers at most. */
  private boolean isMovable(Node node) {
    boolean withConstant =
        node.op() instanceof Op.Binary
            && node.inputs().stream().filter(constants::containsKey).count() == 1
            && node.inputs().stream()
                .filter(constants::containsKey)
                .allMatch(input -> constantOf(input).shape().rank() <= shape(node.output()).rank())
            && node.inputs().stream()
                .filter(input -> !constants.containsKey(input))
                .allMatch(input -> shape(input).equals(shape(node.output())));
    return node.op().isOfEachElement() || withConstant;
  }

  /** Whether only what may be moved lies between a node and a transpose that takes one back. */
  private boolean isTakenBack(Node first, List<Integer> order) {
    Node node = first;
    for (int step = 0; step < STEPS_MAX; step++) {
      String made = node.output();
      List<Node> readers = nodes.stream().filter(n -> n.inputs().contains(made)).toList();
      if (readers.size() != 1 || original.outputs().contains(made)) {
        return false;
      }
      node = readers.getFirst();
      if (node.op() instanceof Op.Transpose(List<Integer> back)) {
        return isIdentity(order, back) && !original.outputs().contains(node.output());
      }
      if (!isMovable(node)) {
        return false;
      }
    }
    return false;
  }

  /** Whether a node's constant can be folded into the layer before the transpose. */
  private boolean isTakenUp(Node turn, List<Integer> order, Node node) {
    Optional<Node> layer = soleProducer(turn);
    if (!(node.op() instanceof Op.Binary)
        || layer.filter(l -> l.op().isWeighted() && l.activation() == Activation.NONE).isEmpty()) {
      return false;
    }
    String operand =
        node.inputs().stream().filter(constants::containsKey).findFirst().orElseThrow();
    Shape shape = constantOf(operand).shape();
    int offset = order.size() - shape.rank();
    for (int axis = 0; axis < shape.rank(); axis++) {
      if (shape.dimension(axis) != 1 && order.get(axis + offset) != 1) {
        return false;
      }
    }
    return true;
  }

  /** A constant operand of what a transpose makes, for what it is made of. */
  private String turnedBack(String name, List<Integer> order) {
    Constant constant = constantOf(name);
    List<Integer> full = new ArrayList<>(constant.shape().dimensions());
    while (full.size() < order.size()) {
      full.addFirst(1);
    }
    int[] back = new int[order.size()];
    for (int axis = 0; axis < back.length; axis++) {
      back[order.get(axis)] = axis;
    }
    String turned = names.free(name + "_turned");
    constants.put(turned, constant.reshaped(new Shape(full)).transposed(back));
    return turned;
  }

  /** A transpose that another one takes back: its readers read what was before both. */
  private void removeTurnsBack() {
    for (int i = 0; i < nodes.size(); i++) {
      Node second = nodes.get(i);
      if (!(second.op() instanceof Op.Transpose(List<Integer> back))
          || original.outputs().contains(second.output())) {
        continue;
      }
      Optional<Node> first =
          nodes.stream().filter(other -> other.output().equals(second.input())).findFirst();
      if (first.isPresent()
          && first.get().op() instanceof Op.Transpose(List<Integer> there)
          && isIdentity(there, back)) {
        String source = first.get().input();
        String removed = second.output();
        nodes.remove(i--);
        nodes.replaceAll(
            node ->
                new Node(
                    node.name(),
                    node.op(),
                    node.inputs().stream().map(in -> in.equals(removed) ? source : in).toList(),
                    node.output(),
                    node.activation()));
      }
    }
  }

  private static boolean isIdentity(List<Integer> there, List<Integer> back) {
    for (int axis = 0; axis < back.size(); axis++) {
      if (there.get(back.get(axis)) != axis) {
        return false;
      }
    }
    return true;
  }

  /** The node before this one, when this one alone reads its result. */
  private Optional<Node> soleProducer(Node node) {
    List<String> tensors =
        node.inputs().stream().filter(input -> !constants.containsKey(input)).toList();
    if (tensors.size() != 1 || original.outputs().contains(tensors.getFirst())) {
      return Optional.empty();
    }
    String tensor = tensors.getFirst();
    if (nodes.stream().filter(other -> other.inputs().contains(tensor)).count() != 1) {
      return Optional.empty();
    }
    return nodes.stream().filter(other -> other.output().equals(tensor)).findFirst();
  }

  private Optional<Node> joined(Node before, Node node) {
    if (before.activation() != Activation.NONE) {
      return Optional.empty();
    }
    return switch (node.op()) {
      case Op.Activate(Activation activation) when before.op().takesActivation() ->
          Optional.of(
              new Node(before.name(), before.op(), before.inputs(), node.output(), activation));
      case Op.Binary(Op.Binary.Kind kind)
          when kind != Op.Binary.Kind.DIV
              && (before.op().isWeighted()
                  || before.op() instanceof Op.LayerNormalization
                  || before.op() instanceof Op.ConvTranspose) ->
          perOutput(before, node).map(operand -> folded(before, node, kind, operand));
      case Op.Conv(Window window, int group)
          when before.op() instanceof Op.Pad pad && isZeroAround(pad) ->
          Optional.of(
              new Node(
                  node.name(),
                  new Op.Conv(widened(window, pad), group),
                  replacedFirst(node.inputs(), before.input()),
                  node.output(),
                  node.activation()));
      case Op.MaxPool(Window window)
          when before.op() instanceof Op.Pad pad
              && pad.value() == Float.NEGATIVE_INFINITY
              && isAroundMap(pad)
              && isWithinKernel(widened(window, pad)) ->
          Optional.of(
              new Node(
                  node.name(),
                  new Op.MaxPool(widened(window, pad)),
                  List.of(before.input()),
                  node.output(),
                  node.activation()));
      case Op.Clip later when before.op() instanceof Op.Clip first ->
          Optional.of(new Node(before.name(), both(first, later), before.inputs(), node.output()));
      default -> Optional.empty();
    };
  }

  private static Op both(Op.Clip first, Op.Clip later) {
    return new Op.Clip(
        Math.clamp(first.minimum(), later.minimum(), later.maximum()),
        Math.clamp(first.maximum(), later.minimum(), later.maximum()));
  }

  /** Zeros around the feature map only: what a convolution pads with. */
  private static boolean isZeroAround(Op.Pad pad) {
    return pad.value() == 0 && isAroundMap(pad);
  }

  private static boolean isAroundMap(Op.Pad pad) {
    return pad.before().size() > 2 && pad.before().get(1) == 0 && pad.after().get(1) == 0;
  }

  /** Engines refuse a pool that sees nothing but padding. */
  private static boolean isWithinKernel(Window window) {
    for (int axis = 0; axis < window.rank(); axis++) {
      int kernel = window.kernel().get(axis);
      if (window.before().get(axis) >= kernel || window.after().get(axis) >= kernel) {
        return false;
      }
    }
    return true;
  }

  private static Window widened(Window window, Op.Pad pad) {
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    for (int axis = 0; axis < window.rank(); axis++) {
      before.add(window.before().get(axis) + pad.before().get(axis + 2));
      after.add(window.after().get(axis) + pad.after().get(axis + 2));
    }
    return new Window(window.kernel(), window.strides(), window.dilations(), before, after);
  }

  private static List<String> replacedFirst(List<String> inputs, String first) {
    List<String> replaced = new ArrayList<>(inputs);
    replaced.set(0, first);
    return replaced;
  }

  /** The constant operand, one value per output of the weights, if it is of that kind. */
  private Optional<float[]> perOutput(Node before, Node node) {
    boolean constantFirst = constants.containsKey(node.input());
    Op.Binary.Kind kind = ((Op.Binary) node.op()).kind();
    if (constantFirst && kind == Op.Binary.Kind.SUB) {
      return Optional.empty();
    }
    Constant operand = constantOf(node.inputs().get(constantFirst ? 0 : 1));
    Shape result = shape(before.output());
    boolean last = before.op() instanceof Op.Dense || before.op() instanceof Op.LayerNormalization;
    int axis = last ? result.rank() - 1 : 1;
    int outputs = result.dimension(axis);
    Shape shape = operand.shape();
    int offset = result.rank() - shape.rank();
    if (offset < 0 || !shape(node.output()).equals(result)) {
      return Optional.empty();
    }
    for (int i = 0; i < shape.rank(); i++) {
      if (shape.dimension(i) != 1 && i + offset != axis) {
        return Optional.empty();
      }
    }
    float[] values = new float[outputs];
    for (int i = 0; i < outputs; i++) {
      values[i] = operand.at(operand.size() == 1 ? 0 : i);
    }
    return Optional.of(values);
  }

  private Node folded(Node before, Node node, Op.Binary.Kind kind, float[] operand) {
    Constant weights = constantOf(before.inputs().get(1));
    float[] bias =
        before.inputs().size() > 2
            ? constantOf(before.inputs().get(2)).values()
            : new float[operand.length];
    List<String> inputs = new ArrayList<>(before.inputs().subList(0, 2));
    if (kind == Op.Binary.Kind.MUL) {
      float[] values = weights.values();
      int perOutput = values.length / operand.length;
      for (int i = 0; i < values.length; i++) {
        values[i] *=
            operand[
                before.op() instanceof Op.ConvTranspose conv
                    ? conv.outputOf(i, weights.shape())
                    : i / perOutput];
      }
      for (int i = 0; i < bias.length; i++) {
        bias[i] *= operand[i];
      }
      String name = names.free(node.output() + "_folded_weights");
      constants.put(name, Constant.of(weights.shape(), values));
      inputs.set(1, name);
    } else {
      for (int i = 0; i < bias.length; i++) {
        bias[i] += kind == Op.Binary.Kind.ADD ? operand[i] : -operand[i];
      }
    }
    String name = names.free(node.output() + "_folded_bias");
    constants.put(name, Constant.of(Shape.of(bias.length), bias));
    inputs.add(name);
    return new Node(before.name(), before.op(), inputs, node.output());
  }

  private void removeDeadNodes() {
    Set<String> live = new HashSet<>(original.outputs());
    for (int i = nodes.size() - 1; i >= 0; i--) {
      if (live.contains(nodes.get(i).output())) {
        live.addAll(nodes.get(i).inputs());
      } else {
        nodes.remove(i);
      }
    }
  }

  private Graph result() {
    Map<String, Constant> used = new LinkedHashMap<>();
    Map<String, Shape> live = new LinkedHashMap<>();
    live.put(original.input(), shape(original.input()));
    for (Node node : nodes) {
      for (String input : node.inputs()) {
        if (constants.containsKey(input)) {
          used.put(input, constantOf(input));
        }
      }
      live.put(node.output(), shape(node.output()));
    }
    return new Graph(original.name(), original.input(), original.outputs(), nodes, used, live);
  }

  private Shape shape(String tensor) {
    Shape shape = shapes.get(tensor);
    return shape != null ? shape : constantOf(tensor).shape();
  }

  private Constant constantOf(String name) {
    Constant constant = constants.get(name);
    if (constant == null) {
      throw new IllegalStateException("no constant '%s'".formatted(name));
    }
    return constant;
  }
}
