package io.skerry.runtime.onnx;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtException.OrtErrorCode;
import ai.onnxruntime.OrtSession;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One ONNX Runtime session. Inputs are read where they lie; outputs are copied once. */
final class OnnxModel implements LoadedModel {
  private final OrtEnvironment environment;
  private final OrtSession session;
  private final ModelSignature signature;
  private final List<String> providers;

  OnnxModel(
      OrtEnvironment environment,
      OrtSession session,
      ModelSignature signature,
      List<String> providers) {
    this.environment = environment;
    this.session = session;
    this.signature = signature;
    this.providers = List.copyOf(providers);
  }

  @Override
  public String engine() {
    return OnnxEngine.NAME;
  }

  @Override
  public ModelSignature signature() {
    return signature;
  }

  @Override
  public List<String> providers() {
    return providers;
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    InputCheck.requireFit(signature, inputs);
    Map<String, OnnxTensor> given = new LinkedHashMap<>();
    try {
      for (Tensor input : inputs) {
        given.put(input.name(), onnxTensor(input));
      }
      try (OrtSession.Result result = session.run(given)) {
        return outputs(result);
      }
    } catch (OrtException e) {
      Reason reason =
          e.getCode() == OrtErrorCode.ORT_INVALID_ARGUMENT
              ? Reason.INPUT_INVALID
              : OrtErrors.orOutOfMemory(e, Reason.RUN_FAILED);
      throw new EngineException(reason, OrtErrors.oneLine(e), e);
    } finally {
      given.values().forEach(OnnxTensor::close);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("session did not close: " + OrtErrors.oneLine(e), e);
    }
  }

  private List<Tensor> outputs(OrtSession.Result result) throws OrtException, EngineException {
    List<Tensor> outputs = new ArrayList<>(signature.outputs().size());
    for (int i = 0; i < signature.outputs().size(); i++) {
      TensorSpec spec = signature.outputs().get(i);
      if (!(result.get(i) instanceof OnnxTensor made)) {
        throw new EngineException(
            Reason.RUN_FAILED, "output '%s' is no tensor".formatted(spec.name()));
      }
      List<Long> shape = Arrays.stream(made.getInfo().getShape()).boxed().toList();
      ByteBuffer data =
          spec.type() == ElementType.BYTES ? OnnxStrings.data(made) : made.getByteBuffer();
      outputs.add(new Tensor(spec.name(), spec.type(), shape, data));
    }
    return outputs;
  }

  private OnnxTensor onnxTensor(Tensor tensor) throws OrtException, EngineException {
    long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
    ByteBuffer data = tensor.data().slice().order(ByteOrder.LITTLE_ENDIAN);
    return switch (tensor.type()) {
      case FP32 -> OnnxTensor.createTensor(environment, data.asFloatBuffer(), shape);
      case FP64 -> OnnxTensor.createTensor(environment, data.asDoubleBuffer(), shape);
      case INT64 -> OnnxTensor.createTensor(environment, data.asLongBuffer(), shape);
      case INT32 -> OnnxTensor.createTensor(environment, data.asIntBuffer(), shape);
      case INT16 -> OnnxTensor.createTensor(environment, data.asShortBuffer(), shape);
      case FP16 ->
          OnnxTensor.createTensor(environment, data.asShortBuffer(), shape, OnnxJavaType.FLOAT16);
      case BF16 ->
          OnnxTensor.createTensor(environment, data.asShortBuffer(), shape, OnnxJavaType.BFLOAT16);
      case INT8 -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.INT8);
      case UINT8 -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.UINT8);
      case BOOL -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.BOOL);
      case BYTES -> OnnxStrings.tensor(environment, tensor, shape);
      case UINT16, UINT32, UINT64 ->
          throw new IllegalStateException(
              tensor.type() + " inputs are refused when a model is loaded");
    };
  }
}
