package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * How fast a variant is, and what it takes; what is absent is unknown.
 *
 * @param p50Micros median time of a call
 * @param p99Micros 99th percentile
 * @param loadMillis from file to ready
 * @param peakMemoryBytes that loading and running took
 */
public record VariantTiming(
    double p50Micros,
    @Nullable Double p99Micros,
    @Nullable Double loadMillis,
    @Nullable Long peakMemoryBytes) {}
