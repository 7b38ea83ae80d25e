package io.skerry.agent.model;

import io.skerry.runtime.Tensor;
import java.time.Instant;
import java.util.List;

/**
 * One answered prediction.
 *
 * @param id the agent's id; feedback names it
 * @param clientId the client's own id, empty when it gave none
 * @param model what answered
 * @param inputs one tensor per input of the signature, in its order
 * @param outputs one tensor per output of the signature, in its order; no engine owns them
 * @param at when it started
 * @param nanos how long the run took, and the wait to be run together with other calls
 * @param items that it is of: the batch, or 1 of a model without one
 * @param waitedNanos that wait
 */
public record Prediction(
    PredictionId id,
    String clientId,
    ModelRef model,
    List<Tensor> inputs,
    List<Tensor> outputs,
    Instant at,
    long nanos,
    int items,
    long waitedNanos) {
  public Prediction {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /** Run at once. */
  public Prediction(
      PredictionId id,
      String clientId,
      ModelRef model,
      List<Tensor> inputs,
      List<Tensor> outputs,
      Instant at,
      long nanos,
      int items) {
    this(id, clientId, model, inputs, outputs, at, nanos, items, 0);
  }

  /** One item, run at once. */
  public Prediction(
      PredictionId id,
      String clientId,
      ModelRef model,
      List<Tensor> inputs,
      List<Tensor> outputs,
      Instant at,
      long nanos) {
    this(id, clientId, model, inputs, outputs, at, nanos, 1);
  }

  /** The same with copies of its tensors. */
  Prediction with(List<Tensor> inputCopies, List<Tensor> outputCopies) {
    return new Prediction(
        id, clientId, model, inputCopies, outputCopies, at, nanos, items, waitedNanos);
  }
}
