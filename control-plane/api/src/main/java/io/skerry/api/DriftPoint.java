package io.skerry.api;

import java.time.Instant;

/**
 * What one window said about one stream of one cohort.
 *
 * @param cohort {@code attribute=value}
 * @param kind what is compared, as in {@link DriftStream}
 * @param devices of the cohort that were judged
 * @param peers devices they were compared with
 * @param logEvidence natural logarithm of the detector's value
 * @param logThreshold where it opens an incident
 */
public record DriftPoint(
    long window,
    Instant start,
    String cohort,
    String stream,
    String kind,
    int devices,
    int peers,
    double effect,
    double tolerance,
    double logEvidence,
    double logThreshold) {}
