package io.skerry.packager.graph;

import io.skerry.wire.onnx.TensorProto;
import java.util.Arrays;

/** Constants of ONNX files for tests. */
final class TestTensors {
  private TestTensors() {}

  /** Floats of these dimensions, row-major. */
  static TensorProto reals(String name, int[] dimensions, float... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(TensorProto.DataType.FLOAT_VALUE);
    Arrays.stream(dimensions).forEach(tensor::addDims);
    for (float value : values) {
      tensor.addFloatData(value);
    }
    return tensor.build();
  }

  /** A list of integers, as sizes and axes are. */
  static TensorProto integers(String name, long... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.INT64_VALUE)
            .addDims(values.length);
    Arrays.stream(values).forEach(tensor::addInt64Data);
    return tensor.build();
  }
}
