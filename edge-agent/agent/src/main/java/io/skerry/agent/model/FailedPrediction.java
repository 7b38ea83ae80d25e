package io.skerry.agent.model;

import java.time.Instant;

/**
 * One prediction that failed for a fault of ours or the model's; a bad request is none.
 *
 * @param clientId the client's own id, empty when it gave none
 * @param reason one line
 * @param items that it was of: the batch, or 1 of a model without one
 */
public record FailedPrediction(
    PredictionId id, String clientId, ModelRef model, String reason, Instant at, int items) {
  /** One item. */
  public FailedPrediction(
      PredictionId id, String clientId, ModelRef model, String reason, Instant at) {
    this(id, clientId, model, reason, at, 1);
  }
}
