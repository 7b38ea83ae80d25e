package io.skerry.agent.serve;

import java.time.Instant;

/**
 * What really happened after a prediction.
 *
 * @param predictionId the agent's id, empty when the client names its own
 * @param clientId the client's id, empty when it names the agent's
 * @param actual the outcome; 1 or 0 for yes or no
 * @param outcomeAt when it happened
 */
public record Feedback(String predictionId, String clientId, double actual, Instant outcomeAt) {}
