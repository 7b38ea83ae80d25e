package io.skerry.runtime;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException.Reason;
import java.util.List;

/** The check that every engine makes before a native call. */
public final class InputCheck {
  private InputCheck() {}

  /**
   * Checks names, types and shapes.
   *
   * @throws EngineException with reason {@code INPUT_INVALID} if a tensor does not fit
   */
  public static void requireFit(ModelSignature signature, List<Tensor> inputs)
      throws EngineException {
    List<TensorSpec> specs = signature.inputs();
    if (specs.size() != inputs.size()) {
      throw invalid("expected %d inputs, got %d".formatted(specs.size(), inputs.size()));
    }
    for (int i = 0; i < specs.size(); i++) {
      TensorSpec spec = specs.get(i);
      Tensor input = inputs.get(i);
      if (!spec.name().equals(input.name())) {
        throw invalid("input %d is '%s', expected '%s'".formatted(i, input.name(), spec.name()));
      }
      if (spec.type() != input.type()) {
        throw invalid(
            "input '%s' is %s, expected %s".formatted(spec.name(), input.type(), spec.type()));
      }
      if (!spec.accepts(input.shape())) {
        throw invalid(
            "input '%s' has shape %s, expected %s"
                .formatted(spec.name(), input.shape(), spec.shape()));
      }
    }
  }

  private static EngineException invalid(String message) {
    return new EngineException(Reason.INPUT_INVALID, message);
  }
}
