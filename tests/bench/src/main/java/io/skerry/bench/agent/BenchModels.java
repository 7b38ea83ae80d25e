package io.skerry.bench.agent;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.TypeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** ONNX models of known shapes and weight, made on the spot from a fixed seed. */
final class BenchModels {
  private static final int IR_VERSION = 8;
  private static final int OPSET = 13;

  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("bench");
  private final Random random = new Random(1);
  private String last;
  private int nodes;

  private BenchModels(int width) {
    last = "x";
    graph.addInput(value("x", width));
  }

  /** 640-128-8-128-640, all dense, ReLU between: 2,560 bytes in and out. */
  static Path autoencoder(Path file) throws IOException {
    BenchModels model = new BenchModels(640);
    model.dense(640, 128).relu().dense(128, 8).relu().dense(8, 128).relu().dense(128, 640);
    return model.write(file, 640);
  }

  /** Dense layers of together about this many bytes, 64 floats in and out. */
  static Path weighing(Path file, int bytes) throws IOException {
    int hidden = bytes / (2 * 64 * Float.BYTES);
    return new BenchModels(64).dense(64, hidden).relu().dense(hidden, 64).write(file, 64);
  }

  /** {@code y = x + addend}. */
  static Path adding(Path file, int width, float addend) throws IOException {
    BenchModels model = new BenchModels(width);
    model.constant("addend", new float[] {addend}, 1);
    return model.node("Add", "addend").write(file, width);
  }

  /**
   * Many equal layers, 512 floats wide; about a twentieth of a millisecond each on a 2020s core.
   */
  static Path layers(Path file, int count) throws IOException {
    BenchModels model = new BenchModels(512);
    model.constant("w", model.weights(512 * 512, 512), 512, 512);
    for (int i = 0; i < count; i++) {
      model.node("MatMul", "w");
    }
    return model.write(file, 512);
  }

  private BenchModels dense(int inputs, int outputs) {
    String weights = "w" + nodes;
    constant(weights, weights(inputs * outputs, inputs), inputs, outputs);
    return node("MatMul", weights);
  }

  private BenchModels relu() {
    return node("Relu");
  }

  private BenchModels node(String operator, String... constants) {
    NodeProto.Builder node = NodeProto.newBuilder().setOpType(operator).addInput(last);
    for (String constant : constants) {
      node.addInput(constant);
    }
    last = "t" + nodes++;
    graph.addNode(node.addOutput(last));
    return this;
  }

  private float[] weights(int count, int fan) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() / Math.sqrt(fan));
    }
    return values;
  }

  private void constant(String name, float[] values, long... shape) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .setRawData(ByteString.copyFrom(data));
    for (long dimension : shape) {
      tensor.addDims(dimension);
    }
    graph.addInitializer(tensor);
  }

  private Path write(Path file, int width) throws IOException {
    int end = graph.getNodeCount() - 1;
    graph.setNode(end, graph.getNode(end).toBuilder().setOutput(0, "y"));
    graph.addOutput(value("y", width));
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(IR_VERSION)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET))
            .setGraph(graph)
            .build();
    Files.createDirectories(file.getParent());
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.write(part, model.toByteArray());
    Files.move(
        part,
        file,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING,
        java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    return file;
  }

  private static ValueInfoProto value(String name, int width) {
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT_VALUE)
                        .setShape(
                            TensorShapeProto.newBuilder()
                                .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(1))
                                .addDim(
                                    TensorShapeProto.Dimension.newBuilder().setDimValue(width)))))
        .build();
  }
}
