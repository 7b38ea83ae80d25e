package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * What the last judged window said about one stream of one cohort.
 *
 * @param windowMillis length of its windows
 * @param cohort {@code attribute=value}
 * @param kind LOCATION, CONDITIONAL (given the other features) or OUTPUT
 * @param devices of the cohort that were judged
 * @param peers devices they were compared with
 * @param effect mean shift against baseline and peers, in shares of the training data, with its 95
 *     % interval over devices
 * @param shiftSigma the same in training standard deviations; absent where it is no position of an
 *     input
 * @param tolerance below which an effect does not matter
 * @param logEvidence natural logarithm of the detector's value
 * @param logThreshold where it opens an incident
 * @param distance of the window's counts from those that were learned, with n and intervals; absent
 *     where it is made of outcomes, or nothing was learned
 */
public record DriftStream(
    String slot,
    String model,
    long windowMillis,
    long window,
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
