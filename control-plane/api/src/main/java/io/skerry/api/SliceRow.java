package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Accuracy of one version on one slice of the fleet, with 95 % intervals over devices. Figures of
 * slices of few devices are absent: they would tell of single devices and of chance. So are those
 * that fewer than 20 devices have something to count for, as actual 1s for a true positive rate,
 * comparisons with few others, and all but accuracy of a version with more than two classes.
 * Intervals of parity, opportunity and impact hold together with 95 %, all slices' at once.
 *
 * @param slice {@code attribute=value}
 * @param balanced balanced accuracy
 * @param positiveRate share of predictions that say 1
 * @param truePositiveRate of actual 1s, the share that was found
 * @param calibration mean score less the share of actual 1s
 * @param parity positive rate less that of all other devices
 * @param opportunity true positive rate less that of all other devices
 * @param impact positive rate over that of all other devices
 * @param unfair an interval of impact is wholly outside 0.8 to 1.25, or one of parity or
 *     opportunity wholly further from 0 than 0.05; calibration is told and not judged
 * @param read share of all joined outcomes of the asked time that were read: 1 up to 200,000,
 *     beyond that an even sample over devices
 */
public record SliceRow(
    String model,
    long version,
    String slice,
    int devices,
    long outcomes,
    @Nullable Double accuracy,
    @Nullable Double accuracyLow,
    @Nullable Double accuracyHigh,
    @Nullable Double balanced,
    @Nullable Double balancedLow,
    @Nullable Double balancedHigh,
    @Nullable Double positiveRate,
    @Nullable Double positiveRateLow,
    @Nullable Double positiveRateHigh,
    @Nullable Double truePositiveRate,
    @Nullable Double truePositiveRateLow,
    @Nullable Double truePositiveRateHigh,
    @Nullable Double calibration,
    @Nullable Double calibrationLow,
    @Nullable Double calibrationHigh,
    @Nullable Double parity,
    @Nullable Double parityLow,
    @Nullable Double parityHigh,
    @Nullable Double opportunity,
    @Nullable Double opportunityLow,
    @Nullable Double opportunityHigh,
    @Nullable Double impact,
    @Nullable Double impactLow,
    @Nullable Double impactHigh,
    boolean unfair,
    double read) {}
