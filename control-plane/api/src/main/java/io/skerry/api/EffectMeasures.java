package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * How different a cohort's counts are from its own before, each figure with its 95 % interval.
 *
 * @param psi population stability index in nats, less what chance alone would give
 * @param jensenShannon distance, its divergence less what chance alone would give, 0 to 1
 * @param wasserstein distance between the cumulative shares, in bins over all bins, 0 to 1
 * @param kolmogorovSmirnov largest difference of the cumulative shares, 0 to 1
 * @param shiftSigma shift of the mean against baseline and peers, in training standard deviations;
 *     absent where only counts are compared
 * @param baselineCount values that are compared with
 * @param count values that are compared
 */
public record EffectMeasures(
    double psi,
    double psiLow,
    double psiHigh,
    double jensenShannon,
    double jensenShannonLow,
    double jensenShannonHigh,
    double wasserstein,
    double wassersteinLow,
    double wassersteinHigh,
    double kolmogorovSmirnov,
    @Nullable Double shiftSigma,
    @Nullable Double shiftSigmaLow,
    @Nullable Double shiftSigmaHigh,
    long baselineCount,
    long count) {}
