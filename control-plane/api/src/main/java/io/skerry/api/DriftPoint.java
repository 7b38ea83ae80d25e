package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What one window said about one stream of one cohort.
 *
 * @param cohort {@code attribute=value}
 * @param kind what is compared, as in {@link DriftStream}
 * @param devices of the cohort that were judged
 * @param peers devices they were compared with
 * @param effect mean shift against baseline and peers, with its 95 % interval over devices
 * @param shiftSigma the same in training standard deviations; absent where it is no position of an
 *     input
 * @param logEvidence natural logarithm of the detector's value
 * @param logThreshold where it opens an incident
 * @param distance of the window's counts from those that were learned, with n and intervals; absent
 *     where it is made of outcomes, or nothing was learned
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
    double low,
    double high,
    double tolerance,
    double logEvidence,
    double logThreshold,
    @Nullable Double shiftSigma,
    @Nullable Double shiftSigmaLow,
    @Nullable Double shiftSigmaHigh,
    @Nullable EffectMeasures distance) {}
