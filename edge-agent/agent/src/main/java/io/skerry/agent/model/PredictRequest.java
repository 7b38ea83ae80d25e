package io.skerry.agent.model;

import io.skerry.protocol.ModelName;
import io.skerry.runtime.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * One wanted prediction.
 *
 * @param version the wanted version; the highest active one when empty
 * @param clientId the client's own id, empty when it gave none
 * @param inputs one tensor per input, in any order
 * @param key what decides between versions that share requests: the same key, the same version; by
 *     chance when empty
 * @param times when the call came, for statistics
 */
public record PredictRequest(
    ModelName model,
    Optional<Long> version,
    String clientId,
    List<Tensor> inputs,
    String key,
    CallTimes times) {
  public PredictRequest {
    inputs = List.copyOf(inputs);
  }

  /** A prediction that is wanted just now. */
  public PredictRequest(
      ModelName model, Optional<Long> version, String clientId, List<Tensor> inputs) {
    this(model, version, clientId, inputs, "", CallTimes.now());
  }

  /** A prediction by whatever version is active. */
  public static PredictRequest of(ModelName model, String clientId, List<Tensor> inputs) {
    return new PredictRequest(model, Optional.empty(), clientId, inputs);
  }
}
