package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An actual outcome of a prediction.
 *
 * @param predictionId as the device answered it; at least one of this and {@code clientId}
 * @param clientId the id that the application gave its request
 * @param actual the class, or the value; 0 or 1 for a yes-or-no outcome
 * @param outcomeAt when it happened; now when absent
 */
public record ToldOutcome(
    String device,
    @Nullable String predictionId,
    @Nullable String clientId,
    double actual,
    @Nullable Instant outcomeAt) {}
