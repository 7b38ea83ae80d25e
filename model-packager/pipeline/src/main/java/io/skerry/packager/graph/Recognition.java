package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Finds operators that exporters write as several: a GELU, whatever its steps are, by what they
 * make of numbers; a layer normalisation by its steps. The last step becomes the operator, and the
 * others are left to whoever else reads them.
 */
final class Recognition {
  /** Steps of a function that are looked through, and so the work for each node. */
  private static final int STEPS_MAX = 12;

  /** Exporters round their constants; both forms of a GELU differ by fifty times as much. */
  private static final double SAME = 1e-5;

  private static final double[] PLACES = {-4.2, -2.6, -1.3, -0.7, -0.2, 0, 0.3, 0.8, 1.7, 2.9, 4.4};

  private final List<Node> nodes;
  private final Map<String, Constant> constants;
  private final Map<String, Shape> shapes;
  private final Names names;
  private final Map<String, Node> producers = new HashMap<>();

  Recognition(
      List<Node> nodes, Map<String, Constant> constants, Map<String, Shape> shapes, Names names) {
    this.nodes = nodes;
    this.constants = constants;
    this.shapes = shapes;
    this.names = names;
    nodes.forEach(node -> producers.put(node.output(), node));
  }

  /** Puts what is found in place of its last steps. */
  void recognise() {
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get(i);
      Optional<Node> found = gelu(node).or(() -> layerNormalization(node));
      if (found.isPresent()) {
        nodes.set(i, found.get());
        producers.put(node.output(), found.get());
      }
    }
  }

  private Optional<Node> gelu(Node node) {
    if (!(node.op() instanceof Op.Binary(Op.Binary.Kind kind))
        || kind != Op.Binary.Kind.MUL
        || node.activation() != Activation.NONE) {
      return Optional.empty();
    }
    Set<String> before = new LinkedHashSet<>();
    collect(node, before);
    if (before.stream().map(producers::get).noneMatch(Recognition::isBent)) {
      return Optional.empty();
    }
    for (String x : before) {
      if (!shape(x).equals(shape(node.output()))) {
        continue;
      }
      if (says(node, x, v -> v * (1 + erf(v / Math.sqrt(2))) / 2)) {
        return Optional.of(function(node, Op.Function.Kind.GELU, x));
      }
      if (says(
          node,
          x,
          v -> v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))) / 2)) {
        return Optional.of(function(node, Op.Function.Kind.GELU_TANH, x));
      }
    }
    return Optional.empty();
  }

  private static Node function(Node node, Op.Function.Kind kind, String x) {
    return new Node(node.name(), new Op.Function(kind, 0), List.of(x), node.output());
  }

  private static boolean isBent(@Nullable Node node) {
    return node != null
        && node.op() instanceof Op.Function(Op.Function.Kind kind, float slope)
        && (kind == Op.Function.Kind.ERF || kind == Op.Function.Kind.TANH);
  }

  /** Tensors that a node is made of by steps on each element, the nearest first. */
  private void collect(Node last, Set<String> before) {
    List<Node> open = new ArrayList<>(List.of(last));
    while (!open.isEmpty() && before.size() < STEPS_MAX) {
      Node node = open.removeFirst();
      for (String input : node.inputs()) {
        if (!constants.containsKey(input) && before.add(input)) {
          Node maker = producers.get(input);
          if (maker != null && isStep(maker)) {
            open.add(maker);
          }
        }
      }
    }
  }

  private static boolean isStep(Node node) {
    return node.activation() == Activation.NONE
        && (node.op() instanceof Op.Binary || node.op() instanceof Op.Function);
  }

  private boolean says(Node node, String x, DoubleUnaryOperator wanted) {
    for (double place : PLACES) {
      OptionalDouble made = value(node.output(), x, place, 0);
      if (made.isEmpty() || !(Math.abs(made.getAsDouble() - wanted.applyAsDouble(place)) <= SAME)) {
        return false;
      }
    }
    return true;
  }

  /** What a tensor holds where x holds this; empty where that takes more than steps from x on. */
  private OptionalDouble value(String tensor, String x, double place, int depth) {
    if (tensor.equals(x)) {
      return OptionalDouble.of(place);
    }
    Constant constant = constants.get(tensor);
    if (constant != null) {
      return constant.size() == 1 ? OptionalDouble.of(constant.at(0)) : OptionalDouble.empty();
    }
    Node node = producers.get(tensor);
    if (node == null || !isStep(node) || depth >= STEPS_MAX) {
      return OptionalDouble.empty();
    }
    OptionalDouble first = value(node.input(), x, place, depth + 1);
    if (first.isEmpty()) {
      return first;
    }
    double l = first.getAsDouble();
    if (node.op() instanceof Op.Function(Op.Function.Kind kind, float slope)) {
      return switch (kind) {
        case ERF -> OptionalDouble.of(erf(l));
        case TANH -> OptionalDouble.of(Math.tanh(l));
        case SQRT -> OptionalDouble.of(Math.sqrt(l));
        case HARD_SWISH, LEAKY_RELU, GELU, GELU_TANH -> OptionalDouble.empty();
      };
    }
    OptionalDouble second = value(node.inputs().get(1), x, place, depth + 1);
    if (second.isEmpty()) {
      return second;
    }
    double r = second.getAsDouble();
    return OptionalDouble.of(
        switch (((Op.Binary) node.op()).kind()) {
          case ADD -> l + r;
          case SUB -> l - r;
          case MUL -> l * r;
          case DIV -> l / r;
        });
  }

  /** By a sum of which all parts have one sign. */
  private static double erf(double x) {
    double part = x;
    double sum = x;
    for (int n = 1; n < 200 && Math.abs(part) > 1e-17; n++) {
      part *= 2 * x * x / (2 * n + 1);
      sum += part;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  private Optional<Node> layerNormalization(Node node) {
    Optional<String> deviation = Optional.empty();
    Optional<Node> root = Optional.empty();
    if (isBinary(node, Op.Binary.Kind.DIV)) {
      deviation = Optional.of(node.input());
      root = made(node.inputs().get(1));
    } else if (isBinary(node, Op.Binary.Kind.MUL)) {
      for (int i = 0; i < 2 && root.isEmpty(); i++) {
        root = made(node.inputs().get(i)).flatMap(this::dividing);
        deviation = Optional.of(node.inputs().get(1 - i));
      }
    }
    if (root.isEmpty()
        || !(root.get().op() instanceof Op.Function(Op.Function.Kind kind, float slope))
        || kind != Op.Function.Kind.SQRT) {
      return Optional.empty();
    }
    Optional<Node> sum = made(root.get().input()).filter(n -> isBinary(n, Op.Binary.Kind.ADD));
    for (int i = 0; i < 2 && sum.isPresent(); i++) {
      Constant epsilon = constants.get(sum.get().inputs().get(i));
      Optional<String> x = deviation.flatMap(this::centred);
      if (epsilon != null
          && epsilon.size() == 1
          && x.isPresent()
          && isVarianceOf(sum.get().inputs().get(1 - i), x.get())) {
        return Optional.of(normalising(node, x.get(), epsilon.at(0)));
      }
    }
    return Optional.empty();
  }

  private Node normalising(Node node, String x, float epsilon) {
    int size = shape(x).dimensions().getLast();
    float[] ones = new float[size];
    Arrays.fill(ones, 1);
    String factors = names.free(node.output() + "_factors");
    String shifts = names.free(node.output() + "_shifts");
    constants.put(factors, Constant.of(Shape.of(size), ones));
    constants.put(shifts, Constant.of(Shape.of(size), new float[size]));
    return new Node(
        node.name(),
        new Op.LayerNormalization(epsilon),
        List.of(x, factors, shifts),
        node.output(),
        node.activation());
  }

  /** What 1 is divided by here. */
  private Optional<Node> dividing(Node node) {
    Constant one = constants.get(node.input());
    return isBinary(node, Op.Binary.Kind.DIV) && one != null && one.size() == 1 && one.at(0) == 1
        ? made(node.inputs().get(1))
        : Optional.empty();
  }

  /** Of what a tensor is the deviation from its mean along the last dimension. */
  private Optional<String> centred(String tensor) {
    return made(tensor)
        .filter(node -> isBinary(node, Op.Binary.Kind.SUB))
        .filter(node -> isMeanOf(node.inputs().get(1), node.input()))
        .map(Node::input);
  }

  private boolean isVarianceOf(String tensor, String x) {
    return made(tensor)
        .filter(node -> isMeanOf(tensor, node.input()))
        .flatMap(node -> made(node.input()))
        .filter(square -> isBinary(square, Op.Binary.Kind.MUL))
        .filter(square -> square.inputs().get(0).equals(square.inputs().get(1)))
        .flatMap(square -> centred(square.input()))
        .filter(x::equals)
        .isPresent();
  }

  private boolean isMeanOf(String tensor, String x) {
    Optional<Node> node = made(tensor);
    if (node.isEmpty() || !node.get().input().equals(x)) {
      return false;
    }
    int last = shape(x).rank() - 1;
    return node.get().op() instanceof Op.Mean(List<Integer> axes)
        ? axes.equals(List.of(last))
        : node.get().op() instanceof Op.GlobalAveragePool && last == 2;
  }

  private static boolean isBinary(Node node, Op.Binary.Kind wanted) {
    return node.op() instanceof Op.Binary(Op.Binary.Kind kind)
        && kind == wanted
        && node.activation() == Activation.NONE;
  }

  private Optional<Node> made(String tensor) {
    return Optional.ofNullable(producers.get(tensor));
  }

  private Shape shape(String tensor) {
    Shape shape = shapes.get(tensor);
    if (shape == null) {
      throw new IllegalStateException("tensor '%s' has no shape".formatted(tensor));
    }
    return shape;
  }
}
