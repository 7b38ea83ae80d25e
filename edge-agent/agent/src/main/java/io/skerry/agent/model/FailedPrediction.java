package io.skerry.agent.model;

import java.time.Instant;

/**
 * One prediction that failed for a fault of ours or the model's; a bad request is none.
 *
 * @param clientId the client's own id, empty when it gave none
 * @param reason one line
 */
public record FailedPrediction(
    PredictionId id, String clientId, ModelRef model, String reason, Instant at) {}
