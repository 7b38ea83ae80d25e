package io.skerry.training;

import com.google.protobuf.ByteString;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.training.NetworkWeights.Affine;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.TypeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * The network as an ONNX model that takes raw values: {@code input} [N, features, window] to {@code
 * score} [N, 1], of more than two classes [N, classes]; IR version 8, operator set 17.
 *
 * <p>Sub, Mul (normalisation), three times Conv and Relu, GlobalAveragePool, Flatten, Gemm, Relu,
 * Gemm, Sigmoid; of more than two classes Softmax.
 */
final class OnnxWriter {
  static final String INPUT = "input";
  static final String OUTPUT = "score";

  private static final long IR_VERSION = 8;
  private static final long OPERATOR_SET = 17;
  private static final String BATCH = "N";

  private final GraphProto.Builder graph = GraphProto.newBuilder();
  private String current = INPUT;

  private OnnxWriter() {}

  /** The model's bytes: the same for the same weights. */
  static byte[] write(TrainingSpec spec, NetworkWeights weights) {
    return new OnnxWriter().model(spec, weights).toByteArray();
  }

  private ModelProto model(TrainingSpec spec, NetworkWeights weights) {
    graph
        .setName(spec.model())
        .addInput(value(INPUT, spec.features().size(), spec.window()))
        .addOutput(value(OUTPUT, spec.outputs()));
    elementwise("Sub", "mean", weights.normalisation().mean());
    elementwise("Mul", "scale", weights.normalisation().scale());
    convolution("conv1", weights.first(), 1);
    convolution("conv2", weights.second(), Network.SECOND_STRIDE);
    convolution("conv3", weights.third(), 1);
    node("GlobalAveragePool", "pool", "pool");
    node("Flatten", "flatten", "flatten").addAttribute(integer("axis", 1));
    dense("dense1", weights.hidden());
    node("Relu", "dense1/relu", "dense1/relu");
    dense("dense2", weights.score());
    if (spec.outputs() == 1) {
      node("Sigmoid", "sigmoid", OUTPUT);
    } else {
      node("Softmax", "softmax", OUTPUT).addAttribute(integer("axis", 1));
    }
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("skerry")
        .setModelVersion(spec.version())
        .setGraph(graph)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPERATOR_SET))
        .build();
  }

  private void elementwise(String operator, String name, NpyArray constant) {
    constant(name, constant);
    node(operator, operator.toLowerCase(Locale.ROOT), "normalised/" + name, name);
  }

  private void convolution(String name, Affine affine, int stride) {
    constant(name + "/weight", affine.weight());
    constant(name + "/bias", affine.bias());
    node("Conv", name, name, name + "/weight", name + "/bias")
        .addAttribute(integers("dilations", 1))
        .addAttribute(integer("group", 1))
        .addAttribute(integers("kernel_shape", affine.weight().shape()[2]))
        .addAttribute(integers("pads", 0, 0))
        .addAttribute(integers("strides", stride));
    node("Relu", name + "/relu", name + "/relu");
  }

  private void dense(String name, Affine affine) {
    constant(name + "/weight", affine.weight());
    constant(name + "/bias", affine.bias());
    node("Gemm", name, name, name + "/weight", name + "/bias").addAttribute(integer("transB", 1));
  }

  /** Adds a node from the tensor before it, which becomes the tensor after it. */
  private NodeProto.Builder node(String operator, String name, String output, String... constants) {
    NodeProto.Builder node =
        graph.addNodeBuilder().setOpType(operator).setName(name).addInput(current);
    for (String constant : constants) {
      node.addInput(constant);
    }
    current = output;
    return node.addOutput(output);
  }

  private void constant(String name, NpyArray array) {
    ByteBuffer raw =
        ByteBuffer.allocate(array.length() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(array.floats());
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .setRawData(ByteString.copyFrom(raw));
    for (int dimension : array.shape()) {
      tensor.addDims(dimension);
    }
    graph.addInitializer(tensor);
  }

  private static ValueInfoProto value(String name, int... dimensions) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    shape.addDimBuilder().setDimParam(BATCH);
    for (int dimension : dimensions) {
      shape.addDimBuilder().setDimValue(dimension);
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT_VALUE)
                        .setShape(shape)))
        .build();
  }

  private static AttributeProto integer(String name, long number) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(number)
        .build();
  }

  private static AttributeProto integers(String name, long... numbers) {
    AttributeProto.Builder attribute =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    for (long number : numbers) {
      attribute.addInts(number);
    }
    return attribute.build();
  }
}
