package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Checks a request's tensors against a signature. */
final class Inputs {
  private static final int NAME_CHARACTERS_SHOWN = 80;

  private Inputs() {}

  /** The size of a batch: the first dimension of the first input. */
  static int batch(List<Tensor> inputs) {
    return Math.toIntExact(inputs.getFirst().shape().getFirst());
  }

  /** The request's tensors in the signature's order. */
  static List<Tensor> ordered(PredictRequest request, ServingModel model) throws PredictException {
    ModelSignature signature = model.signature();
    for (Tensor tensor : request.inputs()) {
      if (signature.input(tensor.name()).isEmpty()) {
        throw invalid(
            "unexpected inference input '%s' for model '%s'; its inputs are %s"
                .formatted(shortened(tensor.name()), request.model(), names(signature)));
      }
    }
    List<Tensor> ordered = new ArrayList<>(signature.inputs().size());
    for (TensorSpec spec : signature.inputs()) {
      ordered.add(checked(request, spec));
    }
    if (ordered.size() != request.inputs().size()) {
      throw invalid(
          "expected %d inputs but got %d for model '%s'"
              .formatted(ordered.size(), request.inputs().size(), request.model()));
    }
    int batchMax = model.traits().batchMax();
    if (batchMax > 0) {
      requireBatch(request, ordered, batchMax);
    }
    return ordered;
  }

  private static void requireBatch(PredictRequest request, List<Tensor> inputs, int batchMax)
      throws PredictException {
    long batch = inputs.getFirst().shape().getFirst();
    if (batch > batchMax) {
      throw invalid(
          "inference request batch-size must be <= %d for '%s', got %d"
              .formatted(batchMax, request.model(), batch));
    }
  }

  private static Tensor checked(PredictRequest request, TensorSpec spec) throws PredictException {
    Tensor tensor = given(request, spec);
    if (tensor.type() != spec.type()) {
      throw invalid(
          "inference input '%s' has data-type %s, but model '%s' expects %s"
              .formatted(spec.name(), tensor.type(), request.model(), spec.type()));
    }
    if (!spec.accepts(tensor.shape())) {
      throw invalid(
          "unexpected shape for input '%s' for model '%s': expected %s, got %s"
              .formatted(spec.name(), request.model(), spec.shape(), tensor.shape()));
    }
    return tensor;
  }

  private static Tensor given(PredictRequest request, TensorSpec spec) throws PredictException {
    for (Tensor tensor : request.inputs()) {
      if (tensor.name().equals(spec.name())) {
        return tensor;
      }
    }
    throw invalid(
        "input '%s' is missing in the request for model '%s'"
            .formatted(spec.name(), request.model()));
  }

  private static String shortened(String name) {
    String begin =
        name.length() <= NAME_CHARACTERS_SHOWN
            ? name
            : name.substring(0, NAME_CHARACTERS_SHOWN) + "...";
    return begin.replaceAll("\\p{Cntrl}", "?");
  }

  private static String names(ModelSignature signature) {
    return signature.inputs().stream()
        .map(spec -> "'" + spec.name() + "'")
        .collect(Collectors.joining(", "));
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
