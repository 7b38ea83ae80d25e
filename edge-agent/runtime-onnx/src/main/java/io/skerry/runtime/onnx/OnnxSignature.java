package io.skerry.runtime.onnx;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Reads a session's inputs and outputs; refuses types that the Java binding cannot carry. */
final class OnnxSignature {
  private OnnxSignature() {}

  static ModelSignature of(OrtSession session) throws OrtException, EngineException {
    return new ModelSignature(
        specs("input", session.getInputInfo().values()),
        specs("output", session.getOutputInfo().values()));
  }

  /** The element type of a tensor that ONNX Runtime made. */
  static ElementType type(String what, String name, TensorInfo info) throws EngineException {
    return switch (info.onnxType) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL -> ElementType.BOOL;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 -> ElementType.UINT8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 -> ElementType.INT8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 -> ElementType.INT16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 -> ElementType.INT32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 -> ElementType.INT64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 -> ElementType.FP16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 -> ElementType.BF16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT -> ElementType.FP32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE -> ElementType.FP64;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING -> ElementType.BYTES;
      // So the binding calls what it does not know, elements of 2 and 4 bits among them.
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED ->
          throw new EngineException(
              Reason.MODEL_INVALID,
              "%s '%s' has an element type that ONNX Runtime's Java binding has no name for"
                  .formatted(what, name));
      default ->
          throw new EngineException(
              Reason.MODEL_INVALID,
              "%s '%s' has element type %s, which this engine does not carry"
                  .formatted(
                      what,
                      name,
                      info.onnxType.name().replace("ONNX_TENSOR_ELEMENT_DATA_TYPE_", "")));
    };
  }

  private static List<TensorSpec> specs(String what, Collection<NodeInfo> nodes)
      throws EngineException {
    List<TensorSpec> specs = new ArrayList<>(nodes.size());
    for (NodeInfo node : nodes) {
      if (!(node.getInfo() instanceof TensorInfo info)) {
        throw new EngineException(
            Reason.MODEL_INVALID,
            "%s '%s' is no tensor but %s".formatted(what, node.getName(), node.getInfo()));
      }
      List<Long> shape = Arrays.stream(info.getShape()).boxed().toList();
      specs.add(new TensorSpec(node.getName(), type(what, node.getName(), info), shape));
    }
    return specs;
  }
}
