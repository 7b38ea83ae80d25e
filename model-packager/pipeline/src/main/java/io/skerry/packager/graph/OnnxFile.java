package io.skerry.packager.graph;

import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** An ONNX file while it is written. */
public final class OnnxFile {
  private static final int IR_VERSION = 8;
  private static final int OPERATOR_SET = 17;

  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private final Set<String> initializers = new HashSet<>();
  private final Names nodes = new Names();
  private final Names values = new Names();
  private final Map<List<String>, String> derived = new HashMap<>();
  private final boolean half;

  /** An empty file of a graph with this name. */
  public OnnxFile(String name) {
    this.half = false;
    graph.setName(name.isEmpty() ? "model" : name);
  }

  /** An empty file for a graph, whose tensors and constants may have their own names in it. */
  public OnnxFile(Graph source) {
    this(source, false);
  }

  /**
   * The same.
   *
   * @param half whether float constants are stored as 16-bit floats
   */
  OnnxFile(Graph source, boolean half) {
    this.half = half;
    graph.setName(source.name().isEmpty() ? "model" : source.name());
    values.take(source.shapes().keySet());
    values.take(source.constants().keySet());
  }

  /**
   * The name of something that belongs to a tensor or constant: always the same, and no other
   * thing's, whatever names the graph came with.
   */
  public String named(String owner, String suffix) {
    return derived.computeIfAbsent(
        List.of(owner, suffix), key -> values.free(String.join("", key)));
  }

  /** Declares the input. */
  public void input(String name, Shape shape) {
    graph.addInput(OnnxParts.value(name, shape));
  }

  /** Declares an output. */
  public void output(String name, Shape shape) {
    graph.addOutput(OnnxParts.value(name, shape));
  }

  /** Adds a float constant, once. */
  public void constant(String name, Constant constant) {
    if (initializers.add(name)) {
      graph.addInitializer(
          half ? OnnxTensors.halves(name, constant) : OnnxTensors.of(name, constant));
    }
  }

  /** Adds a constant of any type, once; {@code little} holds the elements, little-endian. */
  public void constant(
      String name, TensorProto.DataType type, List<Integer> dimensions, ByteBuffer little) {
    if (initializers.add(name)) {
      graph.addInitializer(OnnxTensors.raw(name, type, dimensions, little));
    }
  }

  /**
   * Adds a node of ours under other tensor names.
   *
   * @param inputs what stands for the node's inputs, in their order
   */
  public void node(Node node, List<String> inputs, String output) {
    node(node, inputs, output, node.activation());
  }

  /** The same, with another activation. */
  public void node(Node node, List<String> inputs, String output, Activation activation) {
    if (node.op() instanceof Op.Function(Op.Function.Kind kind, float slope)
        && (kind == Op.Function.Kind.GELU || kind == Op.Function.Kind.GELU_TANH)) {
      gelu(node, kind == Op.Function.Kind.GELU, inputs.getFirst(), output);
      return;
    }
    String computed = activation == Activation.NONE ? output : named(output, "_before_activation");
    List<String> operands = new ArrayList<>(inputs);
    NodeProto.Builder proto = NodeProto.newBuilder().setName(free(node.name())).addOutput(computed);
    switch (node.op()) {
      case Op.Binary(Op.Binary.Kind kind) ->
          proto.setOpType(
              switch (kind) {
                case ADD -> "Add";
                case SUB -> "Sub";
                case MUL -> "Mul";
                case DIV -> "Div";
              });
      case Op.Conv(Window window, int group) ->
          window(proto.setOpType("Conv"), window, true)
              .addAttribute(OnnxParts.integer("group", group));
      case Op.Dense dense -> proto.setOpType("Gemm").addAttribute(OnnxParts.integer("transB", 1));
      case Op.Activate(Activation kind) -> {
        activate(node.name(), kind, inputs.getFirst(), output);
        return;
      }
      case Op.MaxPool(Window window) -> window(proto.setOpType("MaxPool"), window, false);
      case Op.AveragePool(Window window, boolean countPadding) ->
          window(proto.setOpType("AveragePool"), window, false)
              .addAttribute(OnnxParts.integer("count_include_pad", countPadding ? 1 : 0));
      case Op.GlobalAveragePool pool -> proto.setOpType("GlobalAveragePool");
      case Op.Reshape(Shape shape) -> {
        proto.setOpType("Reshape");
        operands.add(longs(named(output, "_shape"), shape.dimensions()));
      }
      case Op.Transpose(List<Integer> permutation) ->
          proto.setOpType("Transpose").addAttribute(OnnxParts.integers("perm", permutation));
      case Op.Concat(int axis) ->
          proto.setOpType("Concat").addAttribute(OnnxParts.integer("axis", axis));
      case Op.Function(Op.Function.Kind kind, float slope) -> {
        switch (kind) {
          case GELU, GELU_TANH ->
              throw new IllegalStateException("written above, as several nodes");
          case ERF -> proto.setOpType("Erf");
          case SQRT -> proto.setOpType("Sqrt");
          case TANH -> proto.setOpType("Tanh");
          case HARD_SWISH -> proto.setOpType("HardSwish");
          case LEAKY_RELU ->
              proto.setOpType("LeakyRelu").addAttribute(OnnxParts.real("alpha", slope));
        }
      }
      case Op.MatMul product -> proto.setOpType("MatMul");
      case Op.ParametricRelu relu -> proto.setOpType("PRelu");
      case Op.Mean(List<Integer> axes) ->
          proto.setOpType("ReduceMean").addAttribute(OnnxParts.integers("axes", axes));
      case Op.LayerNormalization(float epsilon) ->
          proto
              .setOpType("LayerNormalization")
              .addAttribute(OnnxParts.integer("axis", -1))
              .addAttribute(OnnxParts.real("epsilon", epsilon));
      case Op.Clip(float minimum, float maximum) -> {
        proto.setOpType("Clip");
        boolean open = minimum <= -Op.Clip.UNBOUNDED;
        operands.add(open ? "" : scalar(named(output, "_minimum"), minimum));
        if (maximum < Op.Clip.UNBOUNDED) {
          operands.add(scalar(named(output, "_maximum"), maximum));
        }
      }
      case Op.Pad(List<Integer> before, List<Integer> after, float value) -> {
        proto.setOpType("Pad");
        operands.add(amounts(output, before, after));
        operands.add(scalar(named(output, "_value"), value));
      }
      case Op.Slice slice -> {
        List<Integer> axes = IntStream.range(0, slice.begin().size()).boxed().toList();
        proto.setOpType("Slice");
        operands.add(longs(named(output, "_starts"), slice.begin()));
        operands.add(longs(named(output, "_ends"), axes.stream().map(slice::end).toList()));
        operands.add(longs(named(output, "_axes"), axes.stream().map(axis -> axis + 1).toList()));
        operands.add(longs(named(output, "_steps"), slice.steps()));
      }
      case Op.Resize(String mode, String coordinates, String rounding, List<Float> scales) -> {
        proto
            .setOpType("Resize")
            .addAttribute(OnnxParts.text("mode", mode))
            .addAttribute(OnnxParts.text("coordinate_transformation_mode", coordinates))
            .addAttribute(OnnxParts.text("nearest_mode", rounding));
        // These stay 32-bit floats in a file of 16-bit ones.
        ByteBuffer raw =
            ByteBuffer.allocate(scales.size() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        scales.forEach(raw::putFloat);
        List<Integer> dimensions = List.of(scales.size());
        constant(named(output, "_scales"), TensorProto.DataType.FLOAT, dimensions, raw.flip());
        operands.add("");
        operands.add(named(output, "_scales"));
      }
      case Op.ConvTranspose(Window window, List<Integer> more, int group) ->
          window(proto.setOpType("ConvTranspose"), window, true)
              .addAttribute(OnnxParts.integers("output_padding", more))
              .addAttribute(OnnxParts.integer("group", group));
      case Op.Sigmoid sigmoid -> proto.setOpType("Sigmoid");
      case Op.Softmax softmax ->
          proto.setOpType("Softmax").addAttribute(OnnxParts.integer("axis", -1));
    }
    graph.addNode(proto.addAllInput(operands));
    if (activation != Activation.NONE) {
      activate(node.name() + "_activation", activation, computed, output);
    }
  }

  /** As exporters write it before operator set 20, which the runtime joins to one operator. */
  private void gelu(Node node, boolean exact, String x, String output) {
    String share = exact ? erfOf(node, x) : tanhOf(node, x);
    String raised = step(node, "Add", "_gelu_raised", share, number("gelu_one", 1));
    String product = step(node, "Mul", "_gelu_product", x, raised);
    step(node, "Mul", output, List.of(product, number("gelu_half", 0.5f)));
  }

  private String erfOf(Node node, String x) {
    String root = number("gelu_root", (float) Math.sqrt(2));
    return step(node, "Erf", "_gelu_erf", step(node, "Div", "_gelu_scaled", x, root));
  }

  private String tanhOf(Node node, String x) {
    String square = step(node, "Mul", "_gelu_square", x, x);
    String cube = step(node, "Mul", "_gelu_cube", square, x);
    String part = step(node, "Mul", "_gelu_part", cube, number("gelu_cubic", 0.044715f));
    String sum = step(node, "Add", "_gelu_sum", x, part);
    String slope = number("gelu_slope", (float) Math.sqrt(2 / Math.PI));
    return step(node, "Tanh", "_gelu_tanh", step(node, "Mul", "_gelu_scaled", sum, slope));
  }

  private String step(Node node, String operator, String suffix, String... inputs) {
    return step(node, operator, named(node.output(), suffix), List.of(inputs));
  }

  private String step(Node node, String operator, String output, List<String> inputs) {
    graph.addNode(
        NodeProto.newBuilder()
            .setName(free(node.name()))
            .setOpType(operator)
            .addAllInput(inputs)
            .addOutput(output));
    return output;
  }

  private String number(String name, float value) {
    return scalar(named("", name), value);
  }

  /**
   * Adds a node that pads integers.
   *
   * @param value name of the constant that is put around, of the input's type
   */
  public void pad(Node node, Op.Pad pad, String input, String value, String output) {
    graph.addNode(
        NodeProto.newBuilder()
            .setName(free(node.name()))
            .setOpType("Pad")
            .addInput(input)
            .addInput(amounts(output, pad.before(), pad.after()))
            .addInput(value)
            .addOutput(output));
  }

  /**
   * Adds a node that bounds integers.
   *
   * @param minimum name of a constant of the input's type
   * @param maximum the same
   */
  public void clip(Node node, String input, String minimum, String maximum, String output) {
    graph.addNode(
        NodeProto.newBuilder()
            .setName(free(node.name()))
            .setOpType("Clip")
            .addInput(input)
            .addInput(minimum)
            .addInput(maximum)
            .addOutput(output));
  }

  /** Adds a Cast node. */
  void cast(String input, String output, TensorProto.DataType type) {
    graph.addNode(
        NodeProto.newBuilder()
            .setName(free(output + "_cast"))
            .setOpType("Cast")
            .addInput(input)
            .addOutput(output)
            .addAttribute(OnnxParts.integer("to", type.getNumber())));
  }

  /** Adds a QuantizeLinear or DequantizeLinear node. */
  public void scaling(String operator, List<String> inputs, String output, int axis) {
    NodeProto.Builder proto =
        NodeProto.newBuilder()
            .setName(free(output))
            .setOpType(operator)
            .addAllInput(inputs)
            .addOutput(output);
    if (axis >= 0) {
      proto.addAttribute(OnnxParts.integer("axis", axis));
    }
    graph.addNode(proto);
  }

  /** The content. */
  public byte[] bytes() {
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("skerry")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPERATOR_SET))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private void activate(String name, Activation activation, String input, String output) {
    NodeProto.Builder proto =
        NodeProto.newBuilder().setName(free(name)).addInput(input).addOutput(output);
    switch (activation) {
      case NONE -> proto.setOpType("Identity");
      case RELU -> proto.setOpType("Relu");
      case RELU6 -> {
        proto
            .setOpType("Clip")
            .addInput(scalar(named("", "relu6_minimum"), 0))
            .addInput(scalar(named("", "relu6_maximum"), 6));
      }
    }
    graph.addNode(proto);
  }

  private String amounts(String output, List<Integer> before, List<Integer> after) {
    List<Integer> amounts = new ArrayList<>(before);
    amounts.addAll(after);
    return longs(named(output, "_pads"), amounts);
  }

  /** A name for a node that no other has: one without a name came in under its output's. */
  private String free(String wanted) {
    return nodes.free(wanted);
  }

  private String scalar(String name, float value) {
    constant(name, Constant.of(Shape.of(), value));
    return name;
  }

  private String longs(String name, List<Integer> values) {
    ByteBuffer raw = ByteBuffer.allocate(values.size() * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(raw::putLong);
    constant(name, TensorProto.DataType.INT64, List.of(values.size()), raw.flip());
    return name;
  }

  private static NodeProto.Builder window(
      NodeProto.Builder proto, Window window, boolean withDilations) {
    List<Integer> pads = new ArrayList<>(window.before());
    pads.addAll(window.after());
    proto
        .addAttribute(OnnxParts.integers("kernel_shape", window.kernel()))
        .addAttribute(OnnxParts.integers("strides", window.strides()))
        .addAttribute(OnnxParts.integers("pads", pads));
    return withDilations
        ? proto.addAttribute(OnnxParts.integers("dilations", window.dilations()))
        : proto;
  }
}
