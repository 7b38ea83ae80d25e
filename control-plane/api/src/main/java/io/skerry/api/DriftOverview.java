package io.skerry.api;

/**
 * How far one stream of one cohort moved.
 *
 * @param value the statistic; an incident opens when it reaches {@code threshold}
 */
public record DriftOverview(
    String cohort, String stream, double value, double threshold, long count) {}
