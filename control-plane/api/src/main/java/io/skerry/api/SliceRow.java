package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * Accuracy of one version on one slice of the fleet. Figures of slices of few devices are absent:
 * they would tell of single devices and of chance.
 *
 * @param slice {@code attribute=value}
 * @param positiveRate share of predictions that say 1
 * @param balanced balanced accuracy
 * @param truePositiveRate of actual 1s, the share that was found
 * @param parity positive rate less that of all other devices
 * @param opportunity true positive rate less that of all other devices
 * @param impact positive rate over that of all other devices
 */
public record SliceRow(
    String model,
    long version,
    String slice,
    int devices,
    long outcomes,
    @Nullable Double accuracy,
    @Nullable Double balanced,
    @Nullable Double positiveRate,
    @Nullable Double truePositiveRate,
    @Nullable Double parity,
    @Nullable Double opportunity,
    @Nullable Double impact) {}
