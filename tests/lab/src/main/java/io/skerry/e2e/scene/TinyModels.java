package io.skerry.e2e.scene;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.AttributeProto;
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
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Models good and bad, each {@code input [N, 3] -> output}. */
public final class TinyModels {
  private static final int FLOAT = TensorProto.DataType.FLOAT_VALUE;

  private TinyModels() {}

  /** Multiplies. */
  public static byte[] good(long version) {
    return model(scaled(version), 3, "");
  }

  /** Multiplies by a number that lies in a file beside the model: {@link #bytes}. */
  public static byte[] goodWithFactorIn(String location) {
    TensorProto.Builder factor =
        floats("factor", List.of(), 0)
            .clearRawData()
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(
                StringStringEntryProto.newBuilder().setKey("location").setValue(location));
    return model(
        GraphProto.newBuilder()
            .addNode(node("Mul", "output", "input", "factor"))
            .addInitializer(factor),
        3,
        "");
  }

  /** A number as a model's weights hold it. */
  public static byte[] bytes(float value) {
    return floats("", List.of(), value).getRawData().toByteArray();
  }

  /** Multiplies, and takes the process down when it is loaded by the tests' engine. */
  public static byte[] deadlyAtLoad(long version) {
    return model(scaled(version), 3, "deadly-at-load");
  }

  /** Is no model. */
  public static byte[] garbage() {
    return new byte[] {1, 2, 3, 4, 5, 6, 7, 8};
  }

  /** Answers 0 / 0. */
  public static byte[] notANumber() {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addNode(node("Sub", "zero", "input", "input"))
            .addNode(node("Div", "output", "zero", "zero"));
    return model(graph, 3, "");
  }

  /** Multiplies inputs below 100, answers 0 / 0 above. */
  public static byte[] notANumberFrom100(long version) {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addNode(node("Sub", "below", "hundred", "input"))
            .addNode(node("Relu", "rest", "below"))
            .addNode(node("Div", "one", "rest", "rest"))
            .addNode(node("Mul", "product", "input", "factor"))
            .addNode(node("Mul", "output", "product", "one"))
            .addInitializer(floats("hundred", List.of(), 100))
            .addInitializer(floats("factor", List.of(), (float) version));
    return model(graph, 3, "");
  }

  /** Answers one number a row where its artifact promises three. */
  public static byte[] wrongShape() {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addNode(
                node("ReduceMean", "output", "input")
                    .addAttribute(integers("axes", 1))
                    .addAttribute(integer("keepdims", 1)));
    return model(graph, 1, "");
  }

  /** Asks for a tensor of 80 TB with every prediction. */
  public static byte[] outOfMemory(long version) {
    return expanding(version, 4_400_000, 4_400_000, 0);
  }

  /** Multiplies two matrices again and again before it answers: most of a second. */
  public static byte[] slow(long version) {
    return expanding(version, 1024, 1024, 12);
  }

  // Adds 0 times the sum of a large matrix that depends on the input, so that nothing is folded.
  private static byte[] expanding(long version, long rows, long columns, int products) {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addNode(
                node("ReduceMean", "mean", "input")
                    .addAttribute(integers("axes", 0, 1))
                    .addAttribute(integer("keepdims", 1)))
            .addNode(node("Expand", "large0", "mean", "size"))
            .addInitializer(longs("size", rows, columns));
    for (int i = 0; i < products; i++) {
      graph
          .addNode(node("MatMul", "square" + i, "large" + i, "large" + i))
          .addNode(node("Tanh", "large" + (i + 1), "square" + i));
    }
    graph
        .addNode(
            node("ReduceMean", "sum", "large" + products)
                .addAttribute(integers("axes", 0, 1))
                .addAttribute(integer("keepdims", 1)))
        .addNode(node("Mul", "nothing", "sum", "zero"))
        .addNode(node("Mul", "product", "input", "factor"))
        .addNode(node("Add", "output", "product", "nothing"))
        .addInitializer(floats("zero", List.of(), 0))
        .addInitializer(floats("factor", List.of(), (float) version));
    return model(graph, 3, "");
  }

  private static GraphProto.Builder scaled(long version) {
    return GraphProto.newBuilder()
        .addNode(node("Mul", "output", "input", "factor"))
        .addInitializer(floats("factor", List.of(), (float) version));
  }

  private static byte[] model(GraphProto.Builder graph, int columns, String description) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .setDocString(description)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(17))
        .setGraph(
            graph.setName("tiny").addInput(value("input", 3)).addOutput(value("output", columns)))
        .build()
        .toByteArray();
  }

  private static NodeProto.Builder node(String operator, String output, String... inputs) {
    return NodeProto.newBuilder()
        .setOpType(operator)
        .addAllInput(List.of(inputs))
        .addOutput(output);
  }

  private static AttributeProto.Builder integers(String name, long... values) {
    AttributeProto.Builder attribute =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long value : values) {
      attribute.addInts(value);
    }
    return attribute;
  }

  private static AttributeProto.Builder integer(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value);
  }

  private static TensorProto.Builder floats(String name, List<Long> shape, float... values) {
    ByteBuffer raw =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(FLOAT)
        .addAllDims(shape)
        .setRawData(ByteString.copyFrom(raw));
  }

  private static TensorProto.Builder longs(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.INT64_VALUE)
        .addDims(values.length)
        .setRawData(ByteString.copyFrom(raw));
  }

  private static ValueInfoProto value(String name, int columns) {
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(FLOAT)
                        .setShape(
                            TensorShapeProto.newBuilder()
                                .addDim(Dimension.newBuilder().setDimParam("N"))
                                .addDim(Dimension.newBuilder().setDimValue(columns)))))
        .build();
  }
}
