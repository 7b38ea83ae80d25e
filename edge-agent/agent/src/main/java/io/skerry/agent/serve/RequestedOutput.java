package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferParameter.ParameterChoiceCase;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One output that a client wants.
 *
 * @param classes how many of the highest classes, 0 for the tensor itself
 * @param memory where the tensor goes; in the answer when empty
 */
record RequestedOutput(String name, int classes, Optional<MemoryRange> memory) {
  private static final String CLASSIFICATION = "classification";

  /**
   * Reads what a request wants, in its order; nothing when it wants whatever the version that
   * answers has.
   *
   * @throws PredictException if the model has no such output, or it cannot be given that way
   */
  static List<RequestedOutput> read(
      ModelInferRequest request, ModelSignature signature, SharedMemory memory)
      throws PredictException {
    if (request.getOutputsCount() == 0) {
      return List.of();
    }
    List<RequestedOutput> requested = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (InferRequestedOutputTensor output : request.getOutputsList()) {
      String shown = Texts.shortened(output.getName());
      TensorSpec spec =
          signature
              .output(output.getName())
              .orElseThrow(
                  () ->
                      invalid(
                          "unexpected inference output '%s' for model '%s'"
                              .formatted(shown, Texts.shortened(request.getModelName()))));
      if (!seen.add(output.getName())) {
        throw invalid("output '%s' is requested twice".formatted(shown));
      }
      Optional<MemoryRange> range =
          MemoryRange.of("output '" + shown + "'", output.getParametersMap(), memory);
      int classes = classes(output, spec);
      if (classes > 0 && range.isPresent()) {
        throw invalid("output '%s' cannot be both classes and in shared memory".formatted(shown));
      }
      requested.add(new RequestedOutput(spec.name(), classes, range));
    }
    return requested;
  }

  /** Every output that a version has. */
  static List<RequestedOutput> all(ModelSignature signature) {
    List<RequestedOutput> all = new ArrayList<>(signature.outputs().size());
    for (TensorSpec output : signature.outputs()) {
      all.add(new RequestedOutput(output.name(), 0, Optional.empty()));
    }
    return all;
  }

  private static int classes(InferRequestedOutputTensor output, TensorSpec spec)
      throws PredictException {
    InferParameter wanted = output.getParametersMap().get(CLASSIFICATION);
    if (wanted == null) {
      return 0;
    }
    if (wanted.getParameterChoiceCase() != ParameterChoiceCase.INT64_PARAM) {
      throw invalid(
          "invalid value type for '%s' parameter of output '%s', expected int64_param."
              .formatted(CLASSIFICATION, spec.name()));
    }
    if (wanted.getInt64Param() <= 0) {
      throw invalid(
          "invalid value for '%s' parameter of output '%s': %d, expected above 0"
              .formatted(CLASSIFICATION, spec.name(), wanted.getInt64Param()));
    }
    ElementType type = spec.type();
    if (!Classification.ranks(type)) {
      throw invalid(
          "class result not available for output '%s' due to unsupported type '%s'"
              .formatted(spec.name(), type));
    }
    return (int) Math.min(Integer.MAX_VALUE, wanted.getInt64Param());
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
