package io.skerry.packager.graph;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Quantizer;
import io.skerry.packager.quantize.RoundedWeights;
import io.skerry.packager.quantize.Scheme;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/** Small random networks for tests, built node by node. */
public final class Nets {
  private final Random random;
  private final String input;
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Constant> constants = new LinkedHashMap<>();
  private final Map<String, Shape> shapes = new LinkedHashMap<>();
  private String last;

  public Nets(long seed, String input, int... shape) {
    this.random = new Random(seed);
    this.input = input;
    this.last = input;
    shapes.put(input, Shape.of(shape));
  }

  /** The kind of network that training exports: raw sensor windows in, one probability out. */
  public static Graph sensorNet(long seed) {
    Nets net = new Nets(seed, "input", Shape.BATCH, 14, 30);
    net.binary(Op.Binary.Kind.SUB, net.random(2, 1, 14, 1));
    net.binary(Op.Binary.Kind.MUL, net.positive(1, 14, 1));
    net.conv(16, Activation.RELU, 5);
    net.conv(16, Activation.RELU6, 3);
    net.add(new Op.MaxPool(window(List.of(2), List.of(2), 0)));
    net.conv(24, Activation.RELU, 3);
    net.add(new Op.GlobalAveragePool());
    net.flatten();
    net.dense(16, Activation.RELU);
    net.dense(1, Activation.NONE);
    net.add(new Op.Sigmoid());
    return net.graph("score");
  }

  /** Convolution, depthwise convolution and a residual branch over small images. */
  public static Graph imageNet(long seed) {
    Nets net = new Nets(seed, "x", Shape.BATCH, 9, 8, 3);
    net.add(new Op.Transpose(List.of(0, 3, 1, 2)));
    net.conv(8, Activation.RELU, 3, 3);
    String branch = net.last;
    net.depthwise(Activation.RELU, 3, 3);
    net.conv(8, Activation.NONE, 1, 1);
    net.residual(branch, Activation.RELU);
    net.add(new Op.AveragePool(window(List.of(2, 2), List.of(2, 2), 0), false));
    net.flatten();
    net.dense(10, Activation.NONE);
    net.add(new Op.Softmax());
    return net.graph("probabilities");
  }

  /** Two graphs of the same input, of which the one's outputs come first. */
  public static Graph beside(Graph one, Graph other) {
    List<Node> nodes = new ArrayList<>(one.nodes());
    Map<String, Constant> constants = new LinkedHashMap<>(one.constants());
    Map<String, Shape> shapes = new LinkedHashMap<>(one.shapes());
    other.constants().forEach((name, constant) -> constants.put("other_" + name, constant));
    other.shapes().forEach((name, shape) -> shapes.put(beside(other, name), shape));
    for (Node node : other.nodes()) {
      List<String> inputs = node.inputs().stream().map(name -> beside(other, name)).toList();
      String output = beside(other, node.output());
      nodes.add(new Node("other_" + node.name(), node.op(), inputs, output, node.activation()));
    }
    List<String> outputs = new ArrayList<>(one.outputs());
    outputs.addAll(other.outputs());
    return new Graph("beside", one.input(), outputs, nodes, constants, shapes);
  }

  private static String beside(Graph graph, String name) {
    boolean end = name.equals(graph.input()) || graph.outputs().contains(name);
    return end ? name : "other_" + name;
  }

  /** One dense layer of these weights, outputs first. */
  public static Graph dense(float[] weights, int inputs) {
    return dense("y", weights, inputs);
  }

  /** The same, its output named. */
  public static Graph dense(String output, float[] weights, int inputs) {
    Nets net = new Nets(1, "x", Shape.BATCH, inputs);
    String name = net.constant(Constant.of(Shape.of(weights.length / inputs, inputs), weights));
    net.add(new Op.Dense(), Activation.NONE, net.last, name);
    return net.graph(output);
  }

  /** Dense layers one after the other, positive in between. */
  public static Graph denseChain(String output, int inputs, List<float[]> weights) {
    Nets net = new Nets(1, "x", Shape.BATCH, inputs);
    int in = inputs;
    for (float[] each : weights) {
      boolean isLast = each == weights.getLast();
      String name = net.constant(Constant.of(Shape.of(each.length / in, in), each));
      net.add(new Op.Dense(), isLast ? Activation.NONE : Activation.RELU, net.last, name);
      in = each.length / in;
    }
    return net.graph(output);
  }

  /** The depthwise layer's channels a thousand times apart, taken back by the layer after it. */
  public static Graph unequalImageNet(long seed) {
    Graph graph = imageNet(seed);
    Map<String, Constant> constants = new LinkedHashMap<>(graph.constants());
    Node depthwise = graph.nodes().get(2);
    Node pointwise = graph.nodes().get(3);
    for (int input : new int[] {1, 2}) {
      String name = depthwise.inputs().get(input);
      Constant old = graph.constant(name).orElseThrow();
      float[] values = old.values();
      int each = values.length / 8;
      for (int i = 0; i < values.length; i++) {
        values[i] *= factor(i / each);
      }
      constants.put(name, Constant.of(old.shape(), values));
    }
    String name = pointwise.inputs().get(1);
    Constant old = graph.constant(name).orElseThrow();
    float[] values = old.values();
    for (int i = 0; i < values.length; i++) {
      values[i] /= factor(i % 8);
    }
    constants.put(name, Constant.of(old.shape(), values));
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), graph.nodes(), constants, graph.shapes());
  }

  private static float factor(int channel) {
    return (float) Math.pow(10, channel % 4 - 2);
  }

  /** The quantized form of a graph, its weights rounded for this alone. */
  public static QuantizedGraph quantized(
      Graph graph, Observations seen, Scheme scheme, Options options) {
    RoundedWeights weights = new RoundedWeights(graph, seen);
    return Quantizer.quantized(graph, seen, weights, scheme, options, Map.of());
  }

  /** Items of normally distributed values. */
  public static Samples randomItems(Graph graph, int items) {
    Random random = new Random(7);
    int each = graph.shape(graph.input()).elementsPerItem();
    float[] values = new float[items * each];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Samples.of("random", NpyArray.ofFloats(values, items, each), each);
  }

  /** Branches that are put together, and every function of one element. */
  public static Graph branchNet(long seed) {
    Nets net = new Nets(seed, "x", Shape.BATCH, 8, 8, 3);
    net.add(new Op.Transpose(List.of(0, 3, 1, 2)));
    net.conv(6, Activation.NONE, 3, 3);
    net.add(new Op.Function(Op.Function.Kind.HARD_SWISH, 0));
    String left = net.last;
    net.conv(4, Activation.NONE, 1, 1);
    net.add(new Op.Function(Op.Function.Kind.LEAKY_RELU, 0.1f));
    String middle = net.last;
    net.conv(4, Activation.NONE, 3, 3);
    net.add(new Op.Function(Op.Function.Kind.TANH, 0));
    net.add(new Op.Concat(1), Activation.NONE, left, middle, net.last);
    net.conv(8, Activation.RELU, 1, 1);
    net.add(new Op.GlobalAveragePool());
    net.flatten();
    net.dense(5, Activation.NONE);
    net.add(new Op.Softmax());
    return net.graph("probabilities");
  }

  /** Channels weighed by a sigmoid of their means. */
  public static Graph squeezeExciteNet(long seed) {
    Nets net = new Nets(seed, "x", Shape.BATCH, 3, 8, 8);
    net.conv(8, Activation.RELU, 3, 3);
    String features = net.last;
    net.add(new Op.GlobalAveragePool());
    net.conv(4, Activation.RELU, 1, 1);
    net.conv(8, Activation.NONE, 1, 1);
    net.add(new Op.Sigmoid());
    net.add(new Op.Binary(Op.Binary.Kind.MUL), Activation.NONE, features, net.last);
    net.conv(8, Activation.RELU, 3, 3);
    net.add(new Op.GlobalAveragePool());
    net.flatten();
    net.dense(5, Activation.NONE);
    net.add(new Op.Softmax());
    return net.graph("probabilities");
  }

  public Nets conv(int outputs, Activation activation, int... kernel) {
    return grouped(outputs, 1, activation, kernel);
  }

  public Nets depthwise(Activation activation, int... kernel) {
    int channels = lastShape().dimension(1);
    return grouped(channels, channels, activation, kernel);
  }

  public Nets grouped(int outputs, int groups, Activation activation, int... kernel) {
    List<Integer> size = Arrays.stream(kernel).boxed().toList();
    List<Integer> ones = size.stream().map(k -> 1).toList();
    int inputs = lastShape().dimension(1) / groups;
    return weighted(
        new Op.Conv(window(size, ones, size.getFirst() / 2), groups),
        activation,
        weightShape(outputs, inputs, kernel));
  }

  public Nets dense(int outputs, Activation activation) {
    int[] shape = {outputs, lastShape().dimension(1)};
    return weighted(new Op.Dense(), activation, shape);
  }

  public Nets flatten() {
    return add(new Op.Reshape(Shape.of(Shape.BATCH, lastShape().elementsPerItem())));
  }

  public Nets binary(Op.Binary.Kind kind, Constant operand) {
    return add(new Op.Binary(kind), Activation.NONE, last, constant(operand));
  }

  public Nets residual(String branch, Activation activation) {
    return add(new Op.Binary(Op.Binary.Kind.ADD), activation, last, branch);
  }

  public Nets add(Op op) {
    return add(op, Activation.NONE, last);
  }

  /** An operator of these tensors. */
  public Nets add(Op op, String... inputs) {
    return add(op, Activation.NONE, inputs);
  }

  /** An operator of the tensor that was made last and of constants. */
  public Nets withConstant(Op op, Constant... constants) {
    List<String> operands = new ArrayList<>(List.of(last));
    Arrays.stream(constants).map(this::constant).forEach(operands::add);
    return add(op, Activation.NONE, operands.toArray(String[]::new));
  }

  /** The tensor that was made last. */
  public String last() {
    return last;
  }

  /** Goes on from another tensor. */
  public Nets from(String tensor) {
    last = tensor;
    return this;
  }

  /** The tensor that was made last and others, put together by channels. */
  public Nets concat(String... others) {
    List<String> operands = new ArrayList<>(List.of(last));
    operands.addAll(List.of(others));
    return add(new Op.Concat(1), Activation.NONE, operands.toArray(String[]::new));
  }

  /** Every pixel so many times, in both directions. */
  public Nets enlarged(float times) {
    return add(new Op.Resize("nearest", "asymmetric", "floor", List.of(1f, 1f, times, times)));
  }

  /** A transposed convolution. */
  public Nets up(int outputs, Window window) {
    int[] kernel = window.kernel().stream().mapToInt(Integer::intValue).toArray();
    String weights = constant(random(0.3, weightShape(lastShape().dimension(1), outputs, kernel)));
    List<Integer> none = window.kernel().stream().map(k -> 0).toList();
    Op op = new Op.ConvTranspose(window, none, 1);
    return add(op, Activation.NONE, last, weights, constant(random(0.2, outputs)));
  }

  /** The largest of each four pixels. */
  public Nets halved() {
    return add(new Op.MaxPool(window(List.of(2, 2), List.of(2, 2), 0)));
  }

  public Graph graph(String output) {
    Node end = nodes.removeLast();
    nodes.add(new Node(end.name(), end.op(), end.inputs(), output, end.activation()));
    shapes.put(output, shapes.remove(end.output()));
    return new Graph("net", input, List.of(output), nodes, constants, shapes);
  }

  public Constant random(double scale, int... shape) {
    float[] values = new float[Shape.of(shape).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return Constant.of(Shape.of(shape), values);
  }

  private Constant positive(int... shape) {
    float[] values = new float[Shape.of(shape).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = 0.5f + random.nextFloat();
    }
    return Constant.of(Shape.of(shape), values);
  }

  private Nets weighted(Op op, Activation activation, int... shape) {
    int fan = Shape.of(shape).elements() / shape[0];
    String weights = constant(random(Math.sqrt(2.0 / fan), shape));
    return add(op, activation, last, weights, constant(random(0.2, shape[0])));
  }

  private Nets add(Op op, Activation activation, String... inputs) {
    String output = "t" + nodes.size();
    List<Shape> inputShapes = new ArrayList<>();
    for (String name : inputs) {
      Constant constant = constants.get(name);
      inputShapes.add(constant != null ? constant.shape() : shapes.get(name));
    }
    shapes.put(output, ShapeRules.outputOf(op, inputShapes));
    nodes.add(new Node("node" + nodes.size(), op, List.of(inputs), output, activation));
    last = output;
    return this;
  }

  private String constant(Constant constant) {
    String name = "c" + constants.size();
    constants.put(name, constant);
    return name;
  }

  private Shape lastShape() {
    return Objects.requireNonNull(shapes.get(last));
  }

  private static int[] weightShape(int outputs, int inputs, int... kernel) {
    int[] shape = new int[kernel.length + 2];
    shape[0] = outputs;
    shape[1] = inputs;
    System.arraycopy(kernel, 0, shape, 2, kernel.length);
    return shape;
  }

  private static Window window(List<Integer> kernel, List<Integer> strides, int padding) {
    List<Integer> pads = kernel.stream().map(k -> padding).toList();
    return new Window(kernel, strides, kernel.stream().map(k -> 1).toList(), pads, pads);
  }
}
