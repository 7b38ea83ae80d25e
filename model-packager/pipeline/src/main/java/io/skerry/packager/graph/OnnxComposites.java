package io.skerry.packager.graph;

import io.skerry.wire.onnx.NodeProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The format's nodes that become another operator, or several of ours. */
final class OnnxComposites {
  /** What a transpose makes that brings another dimension before the batch. */
  private record Moved(String node, String source, List<Integer> permutation) {}

  private final OnnxNodes nodes;
  private final Map<String, Moved> moved = new HashMap<>();

  OnnxComposites(OnnxNodes nodes) {
    this.nodes = nodes;
  }

  static Op gelu(OnnxAttributes attributes) {
    String how = attributes.text("approximate", "none");
    if (!how.equals("none") && !how.equals("tanh")) {
      throw new ModelRefusedException(
          "approximate '%s' is not supported: use none or tanh".formatted(how));
    }
    boolean exact = how.equals("none");
    return new Op.Function(exact ? Op.Function.Kind.GELU : Op.Function.Kind.GELU_TANH, 0);
  }

  /** With one slope for all it is a leaky one, which has integer kernels. */
  void parametricRelu(String name, NodeProto proto) {
    OnnxNodes.checkInputs(proto, 2);
    Constant slopes = nodes.constant(proto, 1);
    String output = proto.getOutput(0);
    boolean same = IntStream.range(1, slopes.size()).allMatch(i -> slopes.at(i) == slopes.at(0));
    if (same) {
      Op leaky = new Op.Function(Op.Function.Kind.LEAKY_RELU, slopes.at(0));
      nodes.put(name, leaky, output, nodes.operand(proto, 0));
      return;
    }
    nodes.put(
        name,
        new Op.ParametricRelu(),
        output,
        nodes.operand(proto, 0),
        nodes.newConstant(output + "_slopes", slopes));
  }

  /** Over several dimensions, flattened to one. */
  void layerNormalization(String name, NodeProto proto, OnnxAttributes attributes) {
    OnnxNodes.checkInputs(proto, 2);
    String input = nodes.operand(proto, 0);
    String output = proto.getOutput(0);
    Shape x = nodes.shape(input);
    int given = attributes.integer("axis", -1);
    int axis = given < 0 ? given + x.rank() : given;
    if (axis < 1 || axis >= x.rank()) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(given, x));
    }
    Shape last = new Shape(x.dimensions().subList(axis, x.rank()));
    String factors = spread(output + "_factors", nodes.constant(proto, 1), last);
    Constant none = Constant.of(Shape.of(1), 0);
    Constant shift = nodes.isGiven(proto, 2) ? nodes.constant(proto, 2) : none;
    String shifts = spread(output + "_shifts", shift, last);
    Op op = new Op.LayerNormalization(attributes.real("epsilon", 1e-5f));
    if (last.rank() == 1) {
      nodes.put(name, op, output, input, factors, shifts);
      return;
    }
    List<Integer> flat = new ArrayList<>(x.dimensions().subList(0, axis));
    flat.add(last.elements());
    String flattened = nodes.freeTensor(output + "_flat");
    String normalised = nodes.freeTensor(output + "_normalised");
    nodes.put(nodes.freeNode(name + "_flat"), new Op.Reshape(new Shape(flat)), flattened, input);
    nodes.put(name, op, normalised, flattened, factors, shifts);
    nodes.put(nodes.freeNode(name + "_back"), new Op.Reshape(x), output, normalised);
  }

  /** One value for each element of a shape. */
  private String spread(String name, Constant constant, Shape shape) {
    float[] values = new float[shape.elements()];
    if (constant.size() == 1) {
      Arrays.fill(values, constant.at(0));
    } else if (constant.shape().equals(shape)) {
      System.arraycopy(constant.values(), 0, values, 0, values.length);
    } else {
      throw new ModelRefusedException(
          "its operand of shape %s does not fit %s: export the model again"
              .formatted(constant.shape(), shape));
    }
    return nodes.newConstant(name, Constant.of(Shape.of(values.length), values));
  }

  /** Small whole powers are products. */
  void power(String name, NodeProto proto) {
    OnnxNodes.checkInputs(proto, 2);
    Constant exponent = nodes.constant(proto, 1);
    String x = nodes.operand(proto, 0);
    String output = proto.getOutput(0);
    float wanted = exponent.size() == 1 ? exponent.at(0) : Float.NaN;
    Op product = new Op.Binary(Op.Binary.Kind.MUL);
    if (wanted == 2) {
      nodes.put(name, product, output, x, x);
    } else if (wanted == 3) {
      String square = nodes.freeTensor(output + "_square");
      nodes.put(nodes.freeNode(name + "_square"), product, square, x, x);
      nodes.put(name, product, output, square, x);
    } else if (wanted == 0.5f) {
      nodes.put(name, new Op.Function(Op.Function.Kind.SQRT, 0), output, x);
    } else if (wanted == 1) {
      nodes.alias(output, x);
    } else {
      throw new ModelRefusedException(
          "the power %s is not supported: 1, 2, 3 and 0.5 are"
              .formatted(exponent.size() == 1 ? wanted : exponent.shape()));
    }
  }

  /**
   * A dense layer at each place, as the convolution that it is: channels come first for it, and go
   * back. Where layers of this kind follow each other, the rewrites leave out the turns between.
   */
  void pointwise(String name, NodeProto proto, Constant weights) {
    String input = nodes.operand(proto, 0);
    String output = proto.getOutput(0);
    int rank = nodes.shape(input).rank();
    if (rank > 4) {
      throw new ModelRefusedException(
          "input %s: a batch and up to three dimensions are supported, reshape it first"
              .formatted(nodes.shape(input)));
    }
    boolean flat = rank == 3;
    List<Integer> ones = flat ? List.of(1) : List.of(1, 1);
    List<Integer> none = flat ? List.of(0) : List.of(0, 0);
    int inputs = weights.shape().dimension(0);
    int outputs = weights.shape().dimension(1);
    Shape kernel = flat ? Shape.of(outputs, inputs, 1) : Shape.of(outputs, inputs, 1, 1);
    String turned = nodes.freeTensor(output + "_turned");
    String made = nodes.freeTensor(output + "_made");
    Op there = new Op.Transpose(flat ? List.of(0, 2, 1) : List.of(0, 3, 1, 2));
    Op back = new Op.Transpose(flat ? List.of(0, 2, 1) : List.of(0, 2, 3, 1));
    nodes.put(nodes.freeNode(name + "_there"), there, turned, input);
    nodes.put(
        name,
        new Op.Conv(new Window(ones, ones, ones, none, none), 1),
        made,
        turned,
        nodes.newConstant(output + "_weights", weights.transposed(1, 0).reshaped(kernel)));
    nodes.put(nodes.freeNode(name + "_back"), back, output, made);
  }

  /** Notes a transpose that attentions begin with; whoever takes one part of it has the batch. */
  void moveBatch(String name, String output, String source, List<Integer> permutation) {
    moved.put(output, new Moved(name, source, permutation));
  }

  /** An output of the model has the batch first. */
  void requireOutput(String tensor) {
    Moved how = moved.get(tensor);
    if (how != null) {
      throw new ModelRefusedException(
          "node '%s' (Transpose): perm %s moves the batch: export the model with the batch first"
              .formatted(how.node(), how.permutation()));
    }
  }

  boolean movesBatch(String tensor) {
    return moved.containsKey(tensor);
  }

  void requireBatchFirst(String tensor) {
    Moved how = moved.get(tensor);
    if (how != null) {
      throw new ModelRefusedException(
          "operand '%s' is transposed by perm %s, which moves the batch: only a Gather of one of its first dimension is read"
              .formatted(tensor, how.permutation()));
    }
  }

  /** One element along a dimension, which is a slice of size one, or all of them but that one. */
  void gather(String name, NodeProto proto, OnnxAttributes attributes) {
    OnnxNodes.checkInputs(proto, 2);
    WholeNumbers indexes = nodes.numbers(proto, 1, "indices");
    if (indexes.values().length != 1) {
      throw new ModelRefusedException(
          "%d indices are not supported: slice, or take one".formatted(indexes.values().length));
    }
    if (indexes.shape().rank() > 1) {
      throw new ModelRefusedException(
          "indices of shape %s are not supported: take one by a number, or by a list of one"
              .formatted(indexes.shape()));
    }
    String source = nodes.operand(proto, 0);
    Moved how = moved.get(source);
    Shape x = nodes.shape(how == null ? source : how.source());
    int given = attributes.integer("axis", 0);
    int taken = given < 0 ? given + x.rank() : given;
    if (how != null && taken != 0) {
      requireBatchFirst(source);
    }
    int axis = how == null ? taken : how.permutation().getFirst();
    if (axis < 1 || axis >= x.rank()) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(given, x));
    }
    int index = Math.toIntExact(indexes.values()[0]);
    int from = index < 0 ? index + x.dimension(axis) : index;
    if (from < 0 || from >= x.dimension(axis)) {
      throw ModelRefusedException.ofPart(
          "index %d is none along dimension %d of %s".formatted(index, axis, x));
    }
    List<Integer> begin = new ArrayList<>(Collections.nCopies(x.rank() - 1, 0));
    List<Integer> size = new ArrayList<>(x.dimensions().subList(1, x.rank()));
    begin.set(axis - 1, from);
    size.set(axis - 1, 1);
    Op slice = new Op.Slice(begin, size, Collections.nCopies(x.rank() - 1, 1));
    String output = proto.getOutput(0);
    boolean keeps = indexes.shape().rank() == 1;
    if (how == null && keeps) {
      nodes.put(name, slice, output, source);
      return;
    }
    if (keeps) {
      requireBatchFirst(source);
    }
    List<Integer> rest = new ArrayList<>(x.dimensions());
    rest.remove(axis);
    String part = nodes.freeTensor(output + "_part");
    nodes.put(nodes.freeNode(name + "_part"), slice, part, how == null ? source : how.source());
    List<Integer> order = how == null ? List.of() : withoutFirst(how.permutation());
    boolean turns = IntStream.range(0, order.size()).anyMatch(i -> order.get(i) != i);
    String flat = turns ? nodes.freeTensor(output + "_flat") : output;
    nodes.put(
        turns ? nodes.freeNode(name + "_flat") : name, new Op.Reshape(new Shape(rest)), flat, part);
    if (turns) {
      if (order.getFirst() != 0) {
        requireBatchFirst(source);
      }
      nodes.put(name, new Op.Transpose(order), output, flat);
    }
  }

  /** The order of what is left when the first dimension is gone. */
  private static List<Integer> withoutFirst(List<Integer> permutation) {
    int gone = permutation.getFirst();
    return permutation.stream().skip(1).map(axis -> axis > gone ? axis - 1 : axis).toList();
  }

  /**
   * One computed tensor with constants beside it, a class token, say: it is padded with zeros, and
   * the constants are added there.
   */
  void beside(String name, List<String> inputs, int axis, String output) {
    List<String> computed = inputs.stream().filter(input -> !nodes.isConstant(input)).toList();
    if (computed.size() > 1) {
      throw new ModelRefusedException(
          "constants beside %d computed operands are not supported: concatenate one at a time"
              .formatted(computed.size()));
    }
    Shape x = nodes.shape(computed.getFirst());
    if (axis < 1 || axis >= x.rank()) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(axis, x));
    }
    int at = inputs.indexOf(computed.getFirst());
    List<Constant> constants = new ArrayList<>();
    for (String input : inputs) {
      if (nodes.isConstant(input)) {
        Constant constant = nodes.floats(input);
        requireBeside(constant.shape(), x, axis);
        constants.add(constant);
      }
    }
    int before = constants.subList(0, at).stream().mapToInt(c -> c.shape().dimension(axis)).sum();
    int all = constants.stream().mapToInt(c -> c.shape().dimension(axis)).sum();
    List<Integer> left = new ArrayList<>(Collections.nCopies(x.rank(), 0));
    List<Integer> right = new ArrayList<>(left);
    left.set(axis, before);
    right.set(axis, all - before);
    String padded = nodes.freeTensor(output + "_padded");
    nodes.put(
        nodes.freeNode(name + "_pad"), new Op.Pad(left, right, 0), padded, computed.getFirst());
    String around = nodes.newConstant(output + "_beside", placed(constants, at, x, axis));
    nodes.put(name, new Op.Binary(Op.Binary.Kind.ADD), output, padded, around);
  }

  private static void requireBeside(Shape constant, Shape x, int axis) {
    boolean fits = constant.rank() == x.rank() && constant.dimension(0) == 1;
    for (int i = 1; fits && i < x.rank(); i++) {
      fits = i == axis || constant.dimension(i) == x.dimension(i);
    }
    if (!fits) {
      throw new ModelRefusedException(
          "a constant of shape %s does not fit beside %s: export it for batches of 1"
              .formatted(constant, x));
    }
  }

  /** Constants along an axis, with zeros where the computed operand lies. */
  private static Constant placed(List<Constant> constants, int at, Shape x, int axis) {
    int inner = 1;
    for (int i = axis + 1; i < x.rank(); i++) {
      inner *= x.dimension(i);
    }
    List<Integer> dimensions = new ArrayList<>(x.dimensions());
    int all = constants.stream().mapToInt(c -> c.shape().dimension(axis)).sum();
    dimensions.set(0, 1);
    dimensions.set(axis, all + x.dimension(axis));
    Shape shape = new Shape(dimensions);
    float[] values = new float[shape.elements()];
    int row = dimensions.get(axis) * inner;
    int from = 0;
    for (int i = 0; i <= constants.size(); i++) {
      if (i == at) {
        from += x.dimension(axis) * inner;
      }
      if (i < constants.size()) {
        int size = constants.get(i).shape().dimension(axis) * inner;
        float[] own = constants.get(i).values();
        for (int outer = 0; outer < values.length / row; outer++) {
          System.arraycopy(own, outer * size, values, outer * row + from, size);
        }
        from += size;
      }
    }
    return Constant.of(shape, values);
  }
}
