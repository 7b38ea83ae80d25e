package io.skerry.packager.graph;

import io.skerry.wire.onnx.NodeProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** The format's nodes that become another operator, or several of ours. */
final class OnnxComposites {
  private final OnnxNodes nodes;

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
}
