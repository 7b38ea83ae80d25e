package io.skerry.runtime.onnx;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.TensorShapeProto.Dimension;
import io.skerry.wire.onnx.TypeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Small models, written on the spot. */
final class TinyOnnx {
  private TinyOnnx() {}

  /** {@code output = input * factor}, shape [N, 3]. */
  static Path scale(Path file, float factor) throws IOException {
    ByteBuffer value = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    value.putFloat(factor).flip();
    return write(
        file,
        GraphProto.newBuilder()
            .setName("scale")
            .addNode(node("Mul", "input", "factor", "output"))
            .addInitializer(
                TensorProto.newBuilder()
                    .setName("factor")
                    .setDataType(TensorProto.DataType.FLOAT_VALUE)
                    .setRawData(ByteString.copyFrom(value)))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE))
            .addOutput(value("output", TensorProto.DataType.FLOAT_VALUE)));
  }

  /** {@code output = input}, shape [N, 3], of any element type. */
  static Path identity(Path file, int dataType) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("identity")
            .addNode(
                NodeProto.newBuilder().setOpType("Identity").addInput("input").addOutput("output"))
            .addInput(value("input", dataType))
            .addOutput(value("output", dataType)));
  }

  /** Input [1, size] times an identity matrix, again and again: a run of many operators. */
  static Path longRun(Path file, int size, int operators) throws IOException {
    ByteBuffer identity =
        ByteBuffer.allocate(size * size * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < size; i++) {
      identity.putFloat((i * size + i) * Float.BYTES, 1);
    }
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .setName("long")
            .addInitializer(
                TensorProto.newBuilder()
                    .setName("identity")
                    .addDims(size)
                    .addDims(size)
                    .setDataType(TensorProto.DataType.FLOAT_VALUE)
                    .setRawData(ByteString.copyFrom(identity)))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE, size))
            .addOutput(value("output", TensorProto.DataType.FLOAT_VALUE, size));
    for (int i = 0; i < operators; i++) {
      graph.addNode(
          node(
              "MatMul",
              i == 0 ? "input" : "between" + i,
              "identity",
              i == operators - 1 ? "output" : "between" + (i + 1)));
    }
    return write(file, graph);
  }

  /** The places of the elements that are not zero: as many columns as there are. */
  static Path nonZero(Path file) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("non-zero")
            .addNode(
                NodeProto.newBuilder().setOpType("NonZero").addInput("input").addOutput("output"))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE))
            .addOutput(
                ValueInfoProto.newBuilder()
                    .setName("output")
                    .setType(
                        TypeProto.newBuilder()
                            .setTensorType(
                                TypeProto.Tensor.newBuilder()
                                    .setElemType(TensorProto.DataType.INT64_VALUE)
                                    .setShape(
                                        TensorShapeProto.newBuilder()
                                            .addDim(Dimension.newBuilder().setDimValue(2))
                                            .addDim(Dimension.newBuilder().setDimParam("M")))))));
  }

  /** A graph with an operator that nobody knows. */
  static Path unknownOperator(Path file) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("unknown")
            .addNode(
                NodeProto.newBuilder()
                    .setOpType("Frobnicate")
                    .addInput("input")
                    .addOutput("output"))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE))
            .addOutput(value("output", TensorProto.DataType.FLOAT_VALUE)));
  }

  private static NodeProto node(String operator, String left, String right, String output) {
    return NodeProto.newBuilder()
        .setOpType(operator)
        .addInput(left)
        .addInput(right)
        .addOutput(output)
        .build();
  }

  private static ValueInfoProto value(String name, int dataType) {
    return value(name, dataType, 3);
  }

  private static ValueInfoProto value(String name, int dataType, int width) {
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(dataType)
                        .setShape(
                            TensorShapeProto.newBuilder()
                                .addDim(Dimension.newBuilder().setDimParam("N"))
                                .addDim(Dimension.newBuilder().setDimValue(width)))))
        .build();
  }

  private static Path write(Path file, GraphProto.Builder graph) throws IOException {
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(8)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(17))
            .setGraph(graph)
            .build();
    return Files.write(file, model.toByteArray());
  }
}
