package io.skerry.api;

/**
 * How the correlation of two features changed within the devices of an incident's cohort since its
 * onset; the interval holds with 95 % for all pairs together.
 *
 * @param before correlation within devices before the onset, on average
 * @param since the same since
 * @param change of it
 * @param low of the change
 * @param high of the change
 * @param devices that told both
 * @param predictionsBefore that were summed up
 * @param predictionsSince the same since
 */
public record CorrelationShift(
    String feature,
    String other,
    double before,
    double since,
    double change,
    double low,
    double high,
    int devices,
    long predictionsBefore,
    long predictionsSince) {}
