package io.skerry.api;

import java.time.Instant;

/**
 * One stream that one anomalous item of a prediction hit, as its device logged it.
 *
 * @param at when the prediction started, by the device's clock
 * @param stream of the monitoring manifest; a number where that is not known here
 * @param bin what was wrong with the value
 * @param item which of the prediction's batch
 */
public record LoggedAnomaly(
    Instant at,
    String device,
    String slot,
    long version,
    String stream,
    String bin,
    String predictionId,
    long item) {}
