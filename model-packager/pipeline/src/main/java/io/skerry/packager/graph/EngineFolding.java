package io.skerry.packager.graph;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ObjLongConsumer;

/**
 * Nodes of constants alone, computed by ONNX Runtime: one node at a time, only operators whose work
 * grows with what they read and make, and only what is known to be no larger than it may.
 */
final class EngineFolding {
  /** Nodes of a file: each is a session of its own, about a millisecond. */
  static final int NODES_MAX = 1_000;

  private static final int IR_VERSION = 8;

  private static final Set<String> COMPUTED =
      Set.of(
          "Abs",
          "Add",
          "And",
          "ArgMax",
          "ArgMin",
          "Cast",
          "Ceil",
          "Clip",
          "Concat",
          "ConstantOfShape",
          "Cos",
          "CumSum",
          "DequantizeLinear",
          "Div",
          "Elu",
          "Equal",
          "Erf",
          "Exp",
          "Expand",
          "EyeLike",
          "Flatten",
          "Floor",
          "Gather",
          "GatherElements",
          "GatherND",
          "Greater",
          "GreaterOrEqual",
          "HardSigmoid",
          "HardSwish",
          "Identity",
          "IsInf",
          "IsNaN",
          "LeakyRelu",
          "Less",
          "LessOrEqual",
          "Log",
          "LogSoftmax",
          "Max",
          "Mean",
          "Min",
          "Mod",
          "Mul",
          "Neg",
          "Not",
          "OneHot",
          "Or",
          "PRelu",
          "Pad",
          "Pow",
          "Range",
          "Reciprocal",
          "ReduceL1",
          "ReduceL2",
          "ReduceLogSum",
          "ReduceLogSumExp",
          "ReduceMax",
          "ReduceMean",
          "ReduceMin",
          "ReduceProd",
          "ReduceSum",
          "ReduceSumSquare",
          "Relu",
          "Reshape",
          "Round",
          "ScatterElements",
          "ScatterND",
          "Selu",
          "Shape",
          "Sigmoid",
          "Sign",
          "Sin",
          "Size",
          "Slice",
          "Softmax",
          "Softplus",
          "Softsign",
          "Split",
          "Sqrt",
          "Squeeze",
          "Sub",
          "Sum",
          "Tanh",
          "Tile",
          "Transpose",
          "Trilu",
          "Unsqueeze",
          "Where",
          "Xor");

  private final int operatorSet;
  private int nodes;

  EngineFolding(int operatorSet) {
    this.operatorSet = operatorSet;
  }

  /**
   * What a node makes.
   *
   * @param inputs the operands that the node does not leave out, under its own names for them
   * @param count told of each result and its elements before anything is computed; may refuse
   * @throws ModelRefusedException if its operator is none of those, its result has no size before
   *     it is computed, or the engine refuses it
   */
  List<TensorProto> computed(
      NodeProto node, List<TensorProto> inputs, ObjLongConsumer<String> count) {
    if (!COMPUTED.contains(node.getOpType())
        || ++nodes > NODES_MAX
        || node.getAttributeList().stream().anyMatch(EngineFolding::isNotInline)) {
      throw notComputed();
    }
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      // Anything optimised is computed when the session opens, before its size is known.
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      options.setIntraOpNumThreads(1);
      try (OrtSession session = environment.createSession(model(node, inputs), options)) {
        for (var output : session.getOutputInfo().entrySet()) {
          if (!(output.getValue().getInfo() instanceof TensorInfo info)
              || Arrays.stream(info.getShape()).anyMatch(size -> size < 0)) {
            throw notComputed();
          }
          count.accept(output.getKey(), elements(info.getShape()));
        }
        try (OrtSession.Result result = session.run(Map.of())) {
          List<TensorProto> made = new ArrayList<>();
          for (Map.Entry<String, OnnxValue> output : result) {
            made.add(tensor(output.getKey(), (OnnxTensor) output.getValue()));
          }
          return made;
        }
      }
    } catch (OrtException e) {
      throw new ModelRefusedException(
          "ONNX Runtime does not compute it of constants: %s: export with constants folded"
              .formatted(oneLine(e)),
          e);
    }
  }

  private static ModelRefusedException notComputed() {
    return new ModelRefusedException(
        "all its operands are constant, and it is not computed when the model is read:"
            + " export with constants folded");
  }

  private static boolean isNotInline(AttributeProto attribute) {
    return attribute.hasG()
        || attribute.getGraphsCount() > 0
        || attribute.getTensorsCount() > 0
        || (attribute.hasT() && ExternalData.isExternal(attribute.getT()));
  }

  private static String oneLine(OrtException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static long elements(long[] shape) {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    return elements;
  }

  private byte[] model(NodeProto node, List<TensorProto> inputs) {
    GraphProto.Builder graph =
        GraphProto.newBuilder().setName("constants").addNode(node).addAllInitializer(inputs);
    node.getOutputList().stream()
        .filter(output -> !output.isEmpty())
        .forEach(output -> graph.addOutput(ValueInfoProto.newBuilder().setName(output)));
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(operatorSet))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static TensorProto tensor(String name, OnnxTensor value) throws OrtException {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(type(value.getInfo()).getNumber());
    for (long size : value.getInfo().getShape()) {
      tensor.addDims(size);
    }
    if (elements(value.getInfo().getShape()) > 0) {
      ByteBuffer raw = value.getByteBuffer();
      tensor.setRawData(ByteString.copyFrom(raw));
    }
    return tensor.build();
  }

  private static TensorProto.DataType type(TensorInfo info) {
    return TensorProto.DataType.valueOf(info.onnxType.name().replaceFirst(".*_TYPE_", ""));
  }
}
