package io.skerry.packager.tflite;

import com.google.flatbuffers.FlatBufferBuilder;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.quantize.TensorScale;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.Buffer;
import org.tensorflow.lite.schema.BuiltinOptionsUnion;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.OperatorCode;
import org.tensorflow.lite.schema.OperatorCodeT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.QuantizationParametersT;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;

/** A TFLite file while it is written: one subgraph, tensors known by their index. */
final class TfliteFile {
  private static final int SCHEMA_VERSION = 3;
  private static final int DEPRECATED_CODE_MAX = 127;

  /**
   * Integer operators of one operand after each other. Seen: XNNPACK computes them in place and,
   * from eleven on, frees memory twice, which ends the process.
   */
  private static final int IN_PLACE_MAX = 8;

  private record OperatorKey(int code, int version) {}

  private final List<TensorT> tensors = new ArrayList<>();
  private final List<byte[]> buffers = new ArrayList<>(List.of(new byte[0]));
  private final List<OperatorT> operators = new ArrayList<>();
  private final Map<OperatorKey, Integer> codes = new LinkedHashMap<>();
  private final Map<Integer, Integer> inPlace = new HashMap<>();

  /** A tensor that a run fills; float when it has no scale. */
  int activation(String name, int[] shape, @Nullable TensorScale scale) {
    TensorT tensor = tensor(name, shape, scale == null ? TensorType.FLOAT32 : TensorType.INT8);
    if (scale != null) {
      tensor.setQuantization(
          quantization(new float[] {scale.scale()}, new long[] {scale.zeroPoint()}, 0));
    }
    return add(tensor);
  }

  int floats(String name, int[] shape, float[] values) {
    byte[] bytes = new byte[values.length * Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return constant(tensor(name, shape, TensorType.FLOAT32), bytes);
  }

  /** A constant number: an integer where it has a scale. */
  int number(String name, float value, @Nullable TensorScale scale) {
    int[] shape = {1};
    return scale == null
        ? floats(name, shape, new float[] {value})
        : bytes(name, shape, new byte[] {(byte) scale.quantized(value)}, scale);
  }

  int integers(String name, int... values) {
    return constant(tensor(name, new int[] {values.length}, TensorType.INT32), bytesOf(values));
  }

  /** Pairs of integers, shape [n, 2]. */
  int integerPairs(String name, int... values) {
    int[] shape = {values.length / 2, 2};
    return constant(tensor(name, shape, TensorType.INT32), bytesOf(values));
  }

  /** int8 constant with one scale and zero point. */
  int bytes(String name, int[] shape, byte[] values, TensorScale scale) {
    TensorT tensor = tensor(name, shape, TensorType.INT8);
    tensor.setQuantization(
        quantization(new float[] {scale.scale()}, new long[] {scale.zeroPoint()}, 0));
    return constant(tensor, values);
  }

  /** Symmetric int8 weights with one scale per index of a dimension. */
  int weights(String name, int[] shape, byte[] values, float[] scales, int dimension) {
    TensorT tensor = tensor(name, shape, TensorType.INT8);
    tensor.setQuantization(quantization(scales, new long[scales.length], dimension));
    return constant(tensor, values);
  }

  int bias(String name, int[] values, float[] scales) {
    TensorT tensor = tensor(name, new int[] {values.length}, TensorType.INT32);
    tensor.setQuantization(quantization(scales, new long[scales.length], 0));
    return constant(tensor, bytesOf(values));
  }

  void operator(int code, int version, int[] inputs, int output, byte optionsType, Object options) {
    BuiltinOptionsUnion union = new BuiltinOptionsUnion();
    union.setType(optionsType);
    union.setValue(options);
    newOperator(code, version, inputs, output).setBuiltinOptions(union);
  }

  /** An operator that takes no options. */
  void operator(int code, int version, int[] inputs, int output) {
    newOperator(code, version, inputs, output);
  }

  private OperatorT newOperator(int code, int version, int[] inputs, int output) {
    OperatorT operator = new OperatorT();
    operator.setOpcodeIndex(
        codes.computeIfAbsent(new OperatorKey(code, version), key -> codes.size()));
    operator.setInputs(inputs);
    operator.setOutputs(new int[] {output});
    operators.add(operator);
    if (inputs.length == 1 && isInteger(inputs[0]) && isInteger(output)) {
      int row = inPlace.getOrDefault(inputs[0], 0) + 1;
      if (row > IN_PLACE_MAX) {
        throw new ModelRefusedException(
            "more than %d integer operators of one operand each follow each other, which XNNPACK does not survive: let the profile name floats or an ONNX Runtime candidate"
                .formatted(IN_PLACE_MAX));
      }
      inPlace.put(output, row);
    }
    return operator;
  }

  private boolean isInteger(int tensor) {
    return tensors.get(tensor).getType() == TensorType.INT8;
  }

  byte[] bytes(String name, int input, int[] outputs) {
    SubGraphT subgraph = new SubGraphT();
    subgraph.setName(name.isEmpty() ? "model" : name);
    subgraph.setTensors(tensors.toArray(TensorT[]::new));
    subgraph.setOperators(operators.toArray(OperatorT[]::new));
    subgraph.setInputs(new int[] {input});
    subgraph.setOutputs(outputs);
    FlatBufferBuilder builder = new FlatBufferBuilder(sizeAbout());
    // Bytes as they are: the library's own objects hold each of them as an int.
    int[] contents = buffers.stream().mapToInt(content -> buffer(builder, content)).toArray();
    int all = Model.createBuffersVector(builder, contents);
    int[] kinds =
        codes.keySet().stream().mapToInt(key -> OperatorCode.pack(builder, code(key))).toArray();
    int kindsOfOperators = Model.createOperatorCodesVector(builder, kinds);
    int graphs = Model.createSubgraphsVector(builder, new int[] {SubGraph.pack(builder, subgraph)});
    int description = builder.createString("skerry");
    Model.startModel(builder);
    Model.addVersion(builder, SCHEMA_VERSION);
    Model.addOperatorCodes(builder, kindsOfOperators);
    Model.addSubgraphs(builder, graphs);
    Model.addDescription(builder, description);
    Model.addBuffers(builder, all);
    Model.finishModelBuffer(builder, Model.endModel(builder));
    return builder.sizedByteArray();
  }

  /** A first size that seldom has to grow: growing doubles it, and copies. */
  private int sizeAbout() {
    long weights = buffers.stream().mapToLong(content -> content.length + 32L).sum();
    return (int) Math.min(Integer.MAX_VALUE / 2, (1 << 16) + 256L * tensors.size() + weights);
  }

  private static int buffer(FlatBufferBuilder builder, byte[] content) {
    if (content.length == 0) {
      Buffer.startBuffer(builder);
      return Buffer.endBuffer(builder);
    }
    return Buffer.createBuffer(builder, Buffer.createDataVector(builder, content));
  }

  private static OperatorCodeT code(OperatorKey key) {
    OperatorCodeT code = new OperatorCodeT();
    code.setBuiltinCode(key.code());
    code.setDeprecatedBuiltinCode((byte) Math.min(key.code(), DEPRECATED_CODE_MAX));
    code.setVersion(key.version());
    return code;
  }

  private static TensorT tensor(String name, int[] shape, byte type) {
    TensorT tensor = new TensorT();
    tensor.setName(name);
    tensor.setShape(shape);
    tensor.setType(type);
    tensor.setHasRank(true);
    return tensor;
  }

  private int constant(TensorT tensor, byte[] content) {
    tensor.setBuffer(buffers.size());
    buffers.add(content);
    return add(tensor);
  }

  private int add(TensorT tensor) {
    tensors.add(tensor);
    return tensors.size() - 1;
  }

  private static QuantizationParametersT quantization(
      float[] scales, long[] zeroPoints, int dimension) {
    QuantizationParametersT quantization = new QuantizationParametersT();
    quantization.setScale(scales);
    quantization.setZeroPoint(zeroPoints);
    quantization.setQuantizedDimension(dimension);
    return quantization;
  }

  private static byte[] bytesOf(int[] values) {
    byte[] bytes = new byte[values.length * Integer.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(values);
    return bytes;
  }
}
