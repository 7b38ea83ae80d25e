package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Accuracy of one version in one span of time, from outcomes that were joined.
 *
 * @param accuracy share of right predictions, each weighed by the inverse of the probability with
 *     which it was kept; absent without outcomes
 * @param low lower end of the 95 % interval over devices
 * @param high upper end
 * @param outcomes that were joined
 * @param devices they came from
 * @param scored predictions whose score was counted, labelled or not
 * @param estimated accuracy that the scores alone let expect, blind to a changed meaning; absent
 *     without scores
 * @param estimatedLow lower end of its 95 % interval, of the chance of outcomes and of what the
 *     calibration rests on
 * @param estimatedHigh upper end
 * @param read share of all joined outcomes of the asked time that were read: 1 up to 200,000,
 *     beyond that an even sample over devices
 */
public record AccuracyPoint(
    Instant start,
    String model,
    long version,
    @Nullable Double accuracy,
    @Nullable Double low,
    @Nullable Double high,
    long outcomes,
    int devices,
    long scored,
    @Nullable Double estimated,
    @Nullable Double estimatedLow,
    @Nullable Double estimatedHigh,
    double read) {}
