package io.skerry.packager.measure;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.Operator;
import org.tensorflow.lite.schema.OperatorCode;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.Tensor;
import org.tensorflow.lite.schema.TensorType;

/** Which operators of an int8 file are computed on floats, and why. */
public final class FloatOperators {
  private static final String QUANTIZE = "QuantizeLinear";
  private static final String DEQUANTIZE = "DequantizeLinear";

  /** Operators whose float constants are weights, and not sizes or bounds. */
  private static final Set<String> OF_WEIGHTS = Set.of("Conv", "Gemm", "Add", "Sub", "Mul");

  private static final Set<String> BIASED = Set.of("Conv", "Gemm");

  private static final Set<String> BOUNDS = Set.of("Relu", "Clip");

  /** Operators that compute nothing. */
  private static final Set<Integer> MOVING =
      Set.of(BuiltinOperator.DEQUANTIZE, BuiltinOperator.TRANSPOSE, BuiltinOperator.RESHAPE);

  private static final Set<Integer> FLOATS_ONLY =
      Set.of(
          BuiltinOperator.AVERAGE_POOL_2D,
          BuiltinOperator.BATCH_MATMUL,
          BuiltinOperator.DIV,
          BuiltinOperator.GELU,
          BuiltinOperator.HARD_SWISH,
          BuiltinOperator.PRELU,
          BuiltinOperator.SOFTMAX,
          BuiltinOperator.SQRT);

  private static final String CHOSEN =
      "it normalises the input, makes the output, stands among floats, or lost too much as integers";

  /** Operators that are not made integers, wherever they stand. */
  private static final Set<String> NEVER = Set.of("Div", "MatMul", "ReduceMean", "Sqrt");

  private final GraphProto graph;
  private final Map<String, List<NodeProto>> readers = new HashMap<>();

  /** Tensors stored as integers, and those that are reals of integers. */
  private final Set<String> integers = new HashSet<>();

  private final Set<String> dequantized = new HashSet<>();
  private final Map<String, TensorProto> constants = new HashMap<>();

  /** What DequantizeLinear makes, with the scale that it reads. */
  private final Map<String, String> scales = new HashMap<>();

  /** Reals of integers that were hidden from the optimiser. */
  private final Set<String> hidden = new HashSet<>();

  private FloatOperators(GraphProto graph) {
    this.graph = graph;
    graph.getInitializerList().forEach(constant -> constants.put(constant.getName(), constant));
    for (NodeProto node : graph.getNodeList()) {
      for (String input : node.getInputList()) {
        readers.computeIfAbsent(input, name -> new ArrayList<>()).add(node);
      }
    }
  }

  /**
   * The float operators of an ONNX file whose integers stand between QuantizeLinear and
   * DequantizeLinear, each with the reason.
   *
   * @throws ModelRefusedException if it is no ONNX file
   */
  public static List<String> ofOnnx(byte[] content) {
    try {
      return new FloatOperators(ModelProto.parseFrom(content).getGraph()).found();
    } catch (InvalidProtocolBufferException e) {
      throw new ModelRefusedException("it is no ONNX file: " + e.getMessage(), e);
    }
  }

  private List<String> found() {
    List<String> found = new ArrayList<>();
    for (NodeProto node : graph.getNodeList()) {
      if (node.getOpType().equals(DEQUANTIZE)) {
        dequantized.addAll(node.getOutputList());
        scales.put(node.getOutput(0), node.getInput(1));
      } else if (changesNothing(node)) {
        hidden.addAll(node.getOutputList());
      } else if (node.getOpType().equals(QUANTIZE)
          || node.getInputList().stream().anyMatch(integers::contains)) {
        integers.addAll(node.getOutputList());
      } else if (!hasNoKernel(node).isEmpty()
          && (readsIntegers(node) || hidden.contains(node.getInput(0)))) {
        found.add(said(node, "ONNX Runtime " + hasNoKernel(node)));
      } else if (!readsIntegers(node) || !isQuantized(node)) {
        boolean never = NEVER.contains(node.getOpType());
        found.add(said(node, never ? "its kind is always computed on floats" : CHOSEN));
      }
    }
    return found;
  }

  /** Whether a node only hides integers from ONNX Runtime: a clip to all that they can say. */
  private boolean changesNothing(NodeProto node) {
    String scale = node.getOpType().equals("Clip") ? scales.get(node.getInput(0)) : null;
    return scale != null
        && node.getInputCount() == 3
        && real(node.getInput(1)) == Byte.MIN_VALUE * real(scale)
        && real(node.getInput(2)) == Byte.MAX_VALUE * real(scale);
  }

  /** The number that a constant is; none if it is no single float. */
  private float real(String constant) {
    TensorProto tensor = constants.get(constant);
    return tensor != null && tensor.getRawData().size() == Float.BYTES
        ? tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).getFloat()
        : Float.NaN;
  }

  private boolean readsIntegers(NodeProto node) {
    // Behind input and weights there is the bias: where a target wants that as reals, it says
    // nothing.
    long operands = BIASED.contains(node.getOpType()) ? 2 : node.getInputCount();
    return node.getInputList().stream()
        .limit(operands)
        .filter(input -> !input.isEmpty())
        .filter(input -> OF_WEIGHTS.contains(node.getOpType()) || !constants.containsKey(input))
        .allMatch(input -> dequantized.contains(input) || isBoundOf(input));
  }

  /** A bound that follows an integer operator is a part of it. */
  private boolean isBoundOf(String tensor) {
    return readers.getOrDefault(tensor, List.of()).stream()
            .allMatch(node -> BOUNDS.contains(node.getOpType()))
        && graph.getNodeList().stream()
            .filter(node -> node.getOutput(0).equals(tensor))
            .anyMatch(this::readsIntegers);
  }

  /** A dense layer sums integers up to floats. */
  private boolean isQuantized(NodeProto node) {
    List<NodeProto> reading = readers.getOrDefault(node.getOutput(0), List.of());
    return node.getOpType().equals("Gemm")
        || (!reading.isEmpty()
            && reading.stream()
                .allMatch(
                    reader ->
                        reader.getOpType().equals(QUANTIZE)
                            || (BOUNDS.contains(reader.getOpType()) && isQuantized(reader))));
  }

  private static String hasNoKernel(NodeProto node) {
    boolean linear =
        node.getAttributeList().stream().anyMatch(a -> a.getS().toStringUtf8().equals("linear"));
    return switch (node.getOpType()) {
      case "ConvTranspose", "Erf", "HardSwish", "LayerNormalization", "PRelu", "Sub", "Tanh" ->
          "has no int8 kernel for it";
      case "Resize" -> linear ? "cuts fractions off between integers" : "";
      default -> "";
    };
  }

  private static String said(NodeProto node, String why) {
    return "%s (%s): %s".formatted(node.getName(), node.getOpType(), why);
  }

  /**
   * The float operators of a TFLite file, by the names of what they make, each with the reason.
   *
   * @param content of a file that was checked
   */
  public static List<String> ofTflite(byte[] content) {
    Model model = Model.getRootAsModel(ByteBuffer.wrap(content));
    SubGraph graph = model.subgraphs(0);
    Set<String> outputs =
        IntStream.range(0, graph.outputsLength())
            .mapToObj(i -> graph.tensors(graph.outputs(i)).name())
            .collect(Collectors.toSet());
    List<String> found = new ArrayList<>();
    for (int i = 0; i < graph.operatorsLength(); i++) {
      OperatorCode operator = model.operatorCodes((int) graph.operators(i).opcodeIndex());
      // Writers of before 2020 know the second only.
      int code = Math.max(operator.builtinCode(), operator.deprecatedBuiltinCode());
      Tensor made = graph.tensors(graph.operators(i).outputs(0));
      if (made.type() == TensorType.FLOAT32 && !MOVING.contains(code)) {
        // What makes the output would be of floats in any case.
        boolean integerless = FLOATS_ONLY.contains(code) || isMeanButOfPlaces(model, i, code);
        boolean never = integerless && !outputs.contains(made.name());
        String why = never ? "XNNPACK has no int8 kernel for it" : CHOSEN;
        found.add("%s (%s): %s".formatted(made.name(), BuiltinOperator.name(code), why));
      }
    }
    return found;
  }

  /** Over all of height and width it would be a pool, which may be integers. */
  private static boolean isMeanButOfPlaces(Model model, int operator, int code) {
    if (code != BuiltinOperator.MEAN) {
      return false;
    }
    SubGraph graph = model.subgraphs(0);
    Operator mean = graph.operators(operator);
    if (mean.inputsLength() != 2 || mean.inputs(0) < 0 || mean.inputs(1) < 0) {
      // Nothing verified that it names its axes.
      return false;
    }
    int rank = graph.tensors(mean.inputs(0)).shapeLength();
    if (rank != 4) {
      return true;
    }
    Tensor named = graph.tensors(mean.inputs(1));
    ByteBuffer bytes = model.buffers((int) named.buffer()).dataAsByteBuffer();
    Set<Integer> axes = new HashSet<>();
    if (bytes != null) {
      IntBuffer integers = bytes.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
      while (integers.hasRemaining()) {
        axes.add(Math.floorMod(integers.get(), rank));
      }
    }
    return !axes.equals(Set.of(1, 2));
  }
}
