package io.skerry.packager.quantize;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxFile;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.wire.onnx.TensorProto.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Writes a quantized graph as an ONNX file of the QDQ form: float operators between
 * DequantizeLinear and QuantizeLinear, which the runtime fuses into integer ones.
 *
 * <p>Each tensor has one pair. Weights and biases are stored as integers. An activation disappears
 * where the zero point is the smallest integer, because the clamp of QuantizeLinear is the same.
 */
public final class QdqExport {
  /** Integers of a bias that must say what floats say: twice as many as a float tells apart. */
  private static final int FINE = 1 << 30;

  private final QuantizedGraph quantized;
  private final Graph graph;
  private final OnnxFile file;
  private final Set<String> dequantized = new HashSet<>();
  private final Set<String> madeIntegers = new HashSet<>();

  private QdqExport(QuantizedGraph quantized) {
    this.quantized = quantized;
    this.graph = quantized.graph();
    this.file = new OnnxFile(graph);
  }

  /** The file's content. */
  public static byte[] write(QuantizedGraph quantized) {
    return new QdqExport(quantized).write();
  }

  private byte[] write() {
    file.input(graph.input(), graph.shape(graph.input()));
    for (Node node : graph.nodes()) {
      if (quantized.isQuantized(node)) {
        integerNode(node);
      } else {
        floatNode(node);
      }
    }
    graph.outputs().forEach(output -> file.output(output, graph.shape(output)));
    return file.bytes();
  }

  private void floatNode(Node node) {
    List<String> inputs = new ArrayList<>(node.inputs());
    boolean weighted = node.op().isWeighted() || node.op() instanceof Op.ConvTranspose;
    boolean made =
        graph
            .producer(node.input())
            .filter(maker -> quantized.isQuantized(maker) && !saysReals(maker))
            .isPresent();
    if (weighted && made && quantized.scheme().symmetric()) {
      inputs.set(0, unrecognised(node, node.input()));
      made = false;
    }
    for (int i = 0; i < inputs.size(); i++) {
      String name = inputs.get(i);
      Optional<Constant> constant = graph.constant(name);
      if (constant.isPresent() && weighted && made && i == 2) {
        inputs.set(i, fineBias(node, constant.get()));
      } else {
        constant.ifPresent(value -> file.constant(name, value));
      }
    }
    if (weighted && made && inputs.size() == 2) {
      inputs.add(fineBias(node, noBias(node)));
    }
    file.node(node, inputs, node.output());
  }

  private Constant noBias(Node node) {
    int outputs = graph.shape(node.output()).dimension(1);
    return Constant.of(Shape.of(outputs), new float[outputs]);
  }

  /**
   * A node's input behind a clip to what its integers can say, which changes none of them. It
   * spares the layer the same as a {@link #fineBias} does, where the target takes no integer
   * biases.
   */
  private String unrecognised(Node node, String real) {
    String name = file.named(node.output(), "_input");
    TensorScale scale = quantized.scale(node.input());
    Op clip = new Op.Clip(scale.real(scale.type().minimum()), scale.real(scale.type().maximum()));
    List<String> input = List.of(real);
    file.node(new Node(name, clip, input, name, Activation.NONE), input, name);
    return name;
  }

  /**
   * A bias as integers so fine that they say the same as floats. ONNX Runtime makes integers of the
   * float weights, one scale for all, of every convolution and dense layer between integers whose
   * bias is a float constant; a layer that stays float because of its weights must be spared that.
   */
  private String fineBias(Node node, Constant bias) {
    double largest = 0;
    for (int i = 0; i < bias.size(); i++) {
      largest = Math.max(largest, Math.abs(bias.at(i)));
    }
    float scale = largest < Float.MIN_NORMAL ? 1 : (float) (largest / FINE);
    int[] integers = new int[bias.size()];
    float[] scales = new float[bias.size()];
    for (int i = 0; i < integers.length; i++) {
      integers[i] = QuantizationRules.bias(bias.at(i), scale);
      scales[i] = scale;
    }
    return biasIntegers(node.output(), integers, scales);
  }

  private void integerNode(Node node) {
    if (staysInIntegers(node)) {
      switch (node.op()) {
        case Op.Pad pad -> {
          pad(node, pad);
          return;
        }
        case Op.Clip clip -> {
          clip(node, clip);
          return;
        }
        default -> {}
      }
    }
    List<String> inputs = node.op() instanceof Op.ConvTranspose ? reals(node) : operands(node);
    if (saysReals(node)) {
      file.node(node, inputs, node.output());
      return;
    }
    boolean done = quantized.scale(node.output()).does(node.activation());
    String real = file.named(node.output(), "_real");
    file.node(node, inputs, real, done ? Activation.NONE : node.activation());
    quantize(node.output(), real);
    sayReals(node);
  }

  /** Whether what an integer node makes never was integers. */
  private boolean saysReals(Node node) {
    return node.op().maySayReals() && !quantized.isReadAsIntegers(node.output());
  }

  private List<String> operands(Node node) {
    List<String> operands = new ArrayList<>();
    for (int i = 0; i < node.inputs().size(); i++) {
      String input = node.inputs().get(i);
      if (graph.constant(input).isEmpty()) {
        operands.add(dequantized(input));
      } else if (node.op() instanceof Op.Binary) {
        operands.add(operand(input));
      } else {
        operands.add(i == 1 ? weights(node) : bias(node));
      }
    }
    return operands;
  }

  /**
   * The operands of a transposed convolution, for which ONNX Runtime has no integer kernel: integer
   * weights would only be less exact.
   */
  private List<String> reals(Node node) {
    List<String> reals = new ArrayList<>(node.inputs());
    reals.set(0, dequantized(node.input()));
    if (!quantized.scheme().symmetric()) {
      Constant bias = reals.size() > 2 ? constant(reals.remove(2)) : noBias(node);
      file.constant(reals.get(1), constant(reals.get(1)));
      reals.add(fineBias(node, bias));
      return reals;
    }
    reals.set(0, unrecognised(node, reals.getFirst()));
    reals.stream().skip(1).forEach(name -> file.constant(name, constant(name)));
    return reals;
  }

  private Constant constant(String name) {
    return graph.constant(name).orElseThrow();
  }

  /**
   * Whether a node makes integers of integers of the same scale. TensorRT wants every operator
   * between reals; ONNX Runtime would leave these in float there.
   */
  private boolean staysInIntegers(Node node) {
    return !quantized.scheme().symmetric()
        && quantized.scale(node.input()).equals(quantized.scale(node.output()));
  }

  private void clip(Node node, Op.Clip clip) {
    TensorScale scale = quantized.scale(node.output());
    file.clip(
        node,
        integers(node.input()),
        integer(file.named(node.output(), "_lowest"), scale, clip.minimum()),
        integer(file.named(node.output(), "_highest"), scale, clip.maximum()),
        file.named(node.output(), "_quantized"));
    sayReals(node);
  }

  private String integer(String name, TensorScale scale, float real) {
    byte[] integer = {(byte) scale.quantized(real)};
    file.constant(name, typeOf(scale.type()), List.of(), ByteBuffer.wrap(integer));
    return name;
  }

  private void pad(Node node, Op.Pad pad) {
    TensorScale scale = quantized.scale(node.output());
    String value = integer(file.named(node.output(), "_around"), scale, pad.value());
    file.pad(node, pad, integers(node.input()), value, file.named(node.output(), "_quantized"));
    sayReals(node);
  }

  /** Writes the reals of what a node made as integers, where something reads those. */
  private void sayReals(Node node) {
    if (graph.outputs().contains(node.output()) || isReadAsReals(node.output())) {
      file.scaling(
          "DequantizeLinear",
          withScale(node.output(), file.named(node.output(), "_quantized")),
          node.output(),
          -1);
      dequantized.add(node.output());
    }
  }

  private boolean isReadAsReals(String tensor) {
    return graph.consumers(tensor).stream().anyMatch(node -> !quantized.isQuantized(node));
  }

  /** The name under which an integer node reads a tensor. */
  private String dequantized(String tensor) {
    boolean made = graph.producer(tensor).filter(quantized::isQuantized).isPresent();
    if (made && dequantized.contains(tensor)) {
      return tensor;
    }
    String name = file.named(tensor, "_dequantized");
    if (dequantized.add(name)) {
      file.scaling("DequantizeLinear", withScale(tensor, integers(tensor)), name, -1);
    }
    return name;
  }

  /** The name of a tensor's integers, which are made of its reals where nothing else makes them. */
  private String integers(String tensor) {
    boolean made = graph.producer(tensor).filter(quantized::isQuantized).isPresent();
    if (!made && madeIntegers.add(tensor)) {
      quantize(tensor, tensor);
    }
    return file.named(tensor, "_quantized");
  }

  private void quantize(String tensor, String real) {
    file.scaling("QuantizeLinear", withScale(tensor, real), file.named(tensor, "_quantized"), -1);
  }

  private List<String> withScale(String tensor, String source) {
    TensorScale scale = quantized.scale(tensor);
    file.constant(file.named(tensor, "_scale"), Constant.of(Shape.of(), scale.scale()));
    file.constant(
        file.named(tensor, "_zero_point"),
        typeOf(scale.type()),
        List.of(),
        ByteBuffer.wrap(new byte[] {(byte) scale.zeroPoint()}));
    return List.of(source, file.named(tensor, "_scale"), file.named(tensor, "_zero_point"));
  }

  private String operand(String name) {
    Constant constant = graph.constant(name).orElseThrow();
    TensorScale scale = quantized.scale(name);
    ByteBuffer integers = ByteBuffer.allocate(constant.size());
    for (int i = 0; i < constant.size(); i++) {
      integers.put((byte) scale.quantized(constant.at(i)));
    }
    String real = file.named(name, "_dequantized");
    if (dequantized.add(real)) {
      file.constant(
          file.named(name, "_quantized"),
          typeOf(scale.type()),
          constant.shape().dimensions(),
          integers.flip());
      file.scaling("DequantizeLinear", withScale(name, file.named(name, "_quantized")), real, -1);
    }
    return real;
  }

  private String weights(Node node) {
    QuantizedLayer layer = quantized.layer(node).orElseThrow();
    Constant weights = graph.constant(node.inputs().get(1)).orElseThrow();
    return perOutput(
        node.output(),
        "_weights",
        DataType.INT8,
        weights.shape().dimensions(),
        ByteBuffer.wrap(layer.weights()),
        ByteBuffer.wrap(new byte[layer.scales().length]),
        layer.scales());
  }

  private String bias(Node node) {
    QuantizedLayer layer = quantized.layer(node).orElseThrow();
    int[] values = layer.bias().orElseThrow();
    if (quantized.scheme().symmetric()) {
      String name = file.named(node.output(), "_bias");
      file.constant(name, Constant.of(Shape.of(values.length), layer.realBias()));
      return name;
    }
    return biasIntegers(node.output(), values, layer.biasScales());
  }

  private String biasIntegers(String output, int[] values, float[] scales) {
    ByteBuffer integers =
        ByteBuffer.allocate(values.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    integers.asIntBuffer().put(values);
    ByteBuffer zeros = ByteBuffer.allocate(values.length * Integer.BYTES);
    List<Integer> shape = List.of(values.length);
    return perOutput(output, "_bias", DataType.INT32, shape, integers, zeros, scales);
  }

  /** Integers with a scale for each output, or one where the target knows no others. */
  private String perOutput(
      String output,
      String what,
      DataType type,
      List<Integer> shape,
      ByteBuffer integers,
      ByteBuffer zeros,
      float[] scales) {
    String stored = file.named(output, what + "_quantized");
    String scale = file.named(output, what + "_scale");
    String zeroPoint = file.named(output, what + "_zero_point");
    String real = file.named(output, what + "_dequantized");
    boolean one = quantized.scheme().perTensorWeights();
    int count = one ? 1 : scales.length;
    List<Integer> each = one ? List.of() : List.of(count);
    file.constant(stored, type, shape, integers);
    file.constant(zeroPoint, type, each, zeros.slice(0, zeros.capacity() / scales.length * count));
    file.constant(scale, Constant.of(new Shape(each), Arrays.copyOf(scales, count)));
    file.scaling("DequantizeLinear", List.of(stored, scale, zeroPoint), real, one ? -1 : 0);
    return real;
  }

  private static DataType typeOf(IntegerType type) {
    return switch (type) {
      case UINT8 -> DataType.UINT8;
      case INT8 -> DataType.INT8;
    };
  }
}
