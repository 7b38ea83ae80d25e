package io.skerry.agent.serve.http;

import com.google.protobuf.UnsafeByteOperations;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.serve.InferenceService;
import io.skerry.artifact.ElementType;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelMetadataResponse.TensorMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A request that is nothing but the bytes of a model's only input, as cameras and curl send it: no
 * JSON, {@code Inference-Header-Content-Length: 0}. One open dimension follows from the number of
 * bytes; a further open batch is 1. Outputs come in binary.
 */
final class RawRequest {
  private RawRequest() {}

  static InferJson read(InferenceService service, String model, String version, byte[] body)
      throws PredictException {
    ModelMetadataResponse metadata =
        service.modelMetadata(
            ModelMetadataRequest.newBuilder().setName(model).setVersion(version).build());
    if (metadata.getInputsCount() != 1) {
      throw invalid(
          "a raw request needs a model with one input, '%s' has %d"
              .formatted(model, metadata.getInputsCount()));
    }
    TensorMetadata input = metadata.getInputs(0);
    ModelInferRequest request =
        ModelInferRequest.newBuilder()
            .setModelName(model)
            .setModelVersion(version)
            .addInputs(
                InferInputTensor.newBuilder()
                    .setName(input.getName())
                    .setDatatype(input.getDatatype())
                    .addAllShape(shape(input, body.length)))
            .addRawInputContents(UnsafeByteOperations.unsafeWrap(body))
            .build();
    return new InferJson(request, true, Map.of());
  }

  private static List<Long> shape(TensorMetadata input, long bytes) throws PredictException {
    int width = ElementType.valueOf(input.getDatatype()).bytes();
    if (width == 0) {
      throw invalid(
          "a raw request needs an input of fixed size, '%s' is %s"
              .formatted(input.getName(), input.getDatatype()));
    }
    List<Long> shape = new ArrayList<>(input.getShapeList());
    if (shape.size() > 1
        && shape.stream().filter(size -> size < 0).count() > 1
        && shape.getFirst() < 0) {
      shape.set(0, 1L);
    }
    long open = shape.stream().filter(size -> size < 0).count();
    if (open > 1) {
      throw invalid(
          "a raw request cannot tell the shape of input '%s', %s: send JSON"
              .formatted(input.getName(), input.getShapeList()));
    }
    long known = width;
    for (long size : shape) {
      known *= Math.max(1, size);
    }
    if (open == 1) {
      if (known == 0 || bytes % known != 0) {
        throw invalid(
            "input '%s' of shape %s needs a multiple of %d bytes, got %d"
                .formatted(input.getName(), input.getShapeList(), known, bytes));
      }
      long items = bytes / known;
      shape.replaceAll(size -> size < 0 ? items : size);
    }
    return shape;
  }

  private static PredictException invalid(String message) {
    return new PredictException(Code.INVALID_ARGUMENT, message);
  }
}
