package io.skerry.packager.graph;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads and writes the format's tensors. */
final class OnnxTensors {
  private OnnxTensors() {}

  /** Float elements of FLOAT and DOUBLE tensors. */
  static Constant floats(TensorProto tensor) {
    checkInline(tensor);
    Shape shape = shape(tensor);
    ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] values;
    switch (TensorProto.DataType.forNumber(tensor.getDataType())) {
      case FLOAT -> {
        values = new float[checkedCount(tensor, shape, tensor.getFloatDataCount(), Float.BYTES)];
        for (int i = 0; i < values.length; i++) {
          values[i] = tensor.hasRawData() ? raw.getFloat() : tensor.getFloatData(i);
        }
      }
      case DOUBLE -> {
        values = new float[checkedCount(tensor, shape, tensor.getDoubleDataCount(), Double.BYTES)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) (tensor.hasRawData() ? raw.getDouble() : tensor.getDoubleData(i));
        }
      }
      case null, default ->
          throw new ModelRefusedException(
              "constant '%s' has element type %s: export the model with 32-bit float weights"
                  .formatted(tensor.getName(), typeName(tensor.getDataType())));
    }
    return Constant.of(shape, values);
  }

  /** Elements of INT64 and INT32 tensors. */
  static long[] integers(TensorProto tensor) {
    checkInline(tensor);
    Shape shape = shape(tensor);
    long[] values;
    ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    switch (TensorProto.DataType.forNumber(tensor.getDataType())) {
      case INT64 -> {
        values = new long[checkedCount(tensor, shape, tensor.getInt64DataCount(), Long.BYTES)];
        for (int i = 0; i < values.length; i++) {
          values[i] = tensor.hasRawData() ? raw.getLong() : tensor.getInt64Data(i);
        }
      }
      case INT32 -> {
        values = new long[checkedCount(tensor, shape, tensor.getInt32DataCount(), Integer.BYTES)];
        for (int i = 0; i < values.length; i++) {
          values[i] = tensor.hasRawData() ? raw.getInt() : tensor.getInt32Data(i);
        }
      }
      case null, default ->
          throw new ModelRefusedException(
              "constant '%s' has element type %s where 64-bit integers are needed: export the model again"
                  .formatted(tensor.getName(), typeName(tensor.getDataType())));
    }
    return values;
  }

  static WholeNumbers wholeNumbers(TensorProto tensor) {
    long[] values = integers(tensor);
    return new WholeNumbers(shape(tensor), values);
  }

  /** An element type as the format's own files call it. */
  static String typeName(int type) {
    TensorProto.@Nullable DataType known = TensorProto.DataType.forNumber(type);
    return known == null ? "number " + type : known.name().toLowerCase(Locale.ROOT);
  }

  /** Whether it has no element: what exporters write for an operand that is left out. */
  static boolean isEmpty(TensorProto tensor) {
    return tensor.getDimsList().contains(0L);
  }

  static boolean isReal(int type) {
    return type == TensorProto.DataType.FLOAT_VALUE || type == TensorProto.DataType.DOUBLE_VALUE;
  }

  static boolean isInteger(int type) {
    return type == TensorProto.DataType.INT64_VALUE || type == TensorProto.DataType.INT32_VALUE;
  }

  /** Elements that its dimensions ask for; more than any tensor has where they are damaged. */
  static long elements(TensorProto tensor) {
    double elements = 1;
    for (long size : tensor.getDimsList()) {
      elements *= size < 0 ? Double.POSITIVE_INFINITY : size;
    }
    return (long) elements;
  }

  static TensorProto of(String name, Constant constant) {
    ByteBuffer raw =
        ByteBuffer.allocate(constant.size() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(constant.values());
    return raw(name, TensorProto.DataType.FLOAT, constant.shape().dimensions(), raw);
  }

  static TensorProto of(String name, WholeNumbers numbers) {
    ByteBuffer raw =
        ByteBuffer.allocate(numbers.values().length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(numbers.values());
    return raw(name, TensorProto.DataType.INT64, numbers.shape().dimensions(), raw);
  }

  static TensorProto halves(String name, Constant constant) {
    ByteBuffer raw =
        ByteBuffer.allocate(constant.size() * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < constant.size(); i++) {
      short half = Float.floatToFloat16(constant.at(i));
      if (Float.isInfinite(Float.float16ToFloat(half))) {
        throw new ModelRefusedException(
            "constant '%s' holds %s, which no 16-bit float can say: leave out fp16"
                .formatted(name, constant.at(i)));
      }
      raw.putShort(half);
    }
    return raw(name, TensorProto.DataType.FLOAT16, constant.shape().dimensions(), raw.flip());
  }

  static TensorProto raw(
      String name, TensorProto.DataType type, List<Integer> dimensions, ByteBuffer raw) {
    TensorProto.Builder tensor = TensorProto.newBuilder();
    dimensions.forEach(tensor::addDims);
    return tensor
        .setName(name)
        .setDataType(type.getNumber())
        .setRawData(ByteString.copyFrom(raw))
        .build();
  }

  private static Shape shape(TensorProto tensor) {
    List<Integer> dimensions = new ArrayList<>();
    for (long dimension : tensor.getDimsList()) {
      if (dimension < 1 || dimension > Integer.MAX_VALUE) {
        throw new ModelRefusedException(
            "constant '%s' has dimension %d: export the model with constants of fixed sizes"
                .formatted(tensor.getName(), dimension));
      }
      dimensions.add((int) dimension);
    }
    try {
      Shape shape = new Shape(dimensions);
      Math.multiplyExact(shape.elements(), Double.BYTES);
      return shape;
    } catch (ArithmeticException e) {
      throw new ModelRefusedException(
          "constant '%s' of shape %s is too large: export a smaller model"
              .formatted(tensor.getName(), dimensions),
          e);
    }
  }

  static void checkInline(TensorProto tensor) {
    if (ExternalData.isExternal(tensor)) {
      throw new ModelRefusedException(
          "constant '%s' is stored outside the file: save the model as one file"
              .formatted(tensor.getName()));
    }
  }

  /** The number of elements, once the tensor is seen to hold them: nothing is allocated before. */
  private static int checkedCount(TensorProto tensor, Shape shape, int listed, int bytesEach) {
    int elements = shape.elements();
    boolean complete =
        tensor.hasRawData()
            ? tensor.getRawData().size() == (long) elements * bytesEach
            : listed == elements;
    if (!complete) {
      throw new ModelRefusedException(
          "constant '%s' of shape %s does not hold %d elements, the file is damaged: export it again"
              .formatted(tensor.getName(), tensor.getDimsList(), elements));
    }
    return elements;
  }
}
