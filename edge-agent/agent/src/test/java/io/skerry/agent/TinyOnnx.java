package io.skerry.agent;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.StringStringEntryProto;
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
public final class TinyOnnx {
  private TinyOnnx() {}

  /** {@code output = input * factor}, shape [N, 3]. */
  public static Path scale(Path file, float factor) throws IOException {
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

  /** As {@link #scale}, with the factor in {@code weights.bin} beside the file. */
  public static Path scaleOutside(Path file, float factor) throws IOException {
    ByteBuffer value = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file.resolveSibling("weights.bin"), value.putFloat(factor).array());
    return write(
        file,
        GraphProto.newBuilder()
            .setName("scale")
            .addNode(node("Mul", "input", "factor", "output"))
            .addInitializer(
                TensorProto.newBuilder()
                    .setName("factor")
                    .addDims(1)
                    .setDataType(TensorProto.DataType.FLOAT_VALUE)
                    .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                    .addExternalData(
                        StringStringEntryProto.newBuilder()
                            .setKey("location")
                            .setValue("weights.bin")))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE))
            .addOutput(value("output", TensorProto.DataType.FLOAT_VALUE)));
  }

  /** A hidden layer of so many numbers between an input and an output of shape [N, 3]. */
  public static Path wide(Path file, int width) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("wide")
            .addNode(node("MatMul", "input", "in", "hidden"))
            .addNode(NodeProto.newBuilder().setOpType("Tanh").addInput("hidden").addOutput("bent"))
            .addNode(node("MatMul", "bent", "out", "output"))
            .addInitializer(weights("in", 3, width))
            .addInitializer(weights("out", width, 3))
            .addInput(value("input", TensorProto.DataType.FLOAT_VALUE))
            .addOutput(value("output", TensorProto.DataType.FLOAT_VALUE)));
  }

  /** {@code output = [0]}, cut out of as many zeros as its only input, {@code n}, says. */
  public static Path zeros(Path file) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("zeros")
            .addNode(
                NodeProto.newBuilder().setOpType("ConstantOfShape").addInput("n").addOutput("all"))
            .addNode(
                NodeProto.newBuilder()
                    .setOpType("Slice")
                    .addInput("all")
                    .addInput("from")
                    .addInput("to")
                    .addOutput("output"))
            .addInitializer(number("from", 0))
            .addInitializer(number("to", 1))
            .addInput(
                vector(
                    "n", TensorProto.DataType.INT64_VALUE, Dimension.newBuilder().setDimValue(1)))
            .addOutput(
                vector(
                    "output",
                    TensorProto.DataType.FLOAT_VALUE,
                    Dimension.newBuilder().setDimParam("M"))));
  }

  private static TensorProto number(String name, long value) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.INT64_VALUE)
        .addDims(1)
        .addInt64Data(value)
        .build();
  }

  private static ValueInfoProto vector(String name, int dataType, Dimension.Builder size) {
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(dataType)
                        .setShape(TensorShapeProto.newBuilder().addDim(size))))
        .build();
  }

  private static TensorProto weights(String name, int rows, int columns) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.FLOAT_VALUE)
        .addDims(rows)
        .addDims(columns)
        .setRawData(ByteString.copyFrom(new byte[rows * columns * Float.BYTES]))
        .build();
  }

  /** {@code output = input}, shape [N, 3], of any element type. */
  public static Path identity(Path file, int dataType) throws IOException {
    return write(
        file,
        GraphProto.newBuilder()
            .setName("identity")
            .addNode(
                NodeProto.newBuilder().setOpType("Identity").addInput("input").addOutput("output"))
            .addInput(value("input", dataType))
            .addOutput(value("output", dataType)));
  }

  /** A graph with an operator that nobody knows. */
  public static Path unknownOperator(Path file) throws IOException {
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
                                .addDim(Dimension.newBuilder().setDimValue(3)))))
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
