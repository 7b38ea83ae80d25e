package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * An incident.
 *
 * @param metric what got worse, as in {@code balancedAccuracy}; with its value before and after the
 *     onset
 * @param moved how far what moved did, in its own unit, in words
 */
public record IncidentOverview(
    String id,
    String state,
    String model,
    long version,
    String cohort,
    String feature,
    @Nullable Instant openedAt,
    long onsetWindow,
    long openedWindow,
    @Nullable Double shiftSigma,
    String moved,
    @Nullable Double psi,
    int devices,
    @Nullable String evidence,
    @Nullable String metric,
    @Nullable Double before,
    @Nullable Double after,
    @Nullable Long predictions) {}
