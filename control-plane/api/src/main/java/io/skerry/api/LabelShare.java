package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * One class of a model's version: how often it is predicted, how often it was, and how often it was
 * in training, with 95 % intervals over devices. Figures that nothing was counted for, and
 * intervals of fewer than 20 devices, are absent.
 *
 * @param label of the class, from 0
 * @param training share among the training rows; absent where their classes are not known
 * @param trainingPredicted share among what the model said of the training rows
 * @param predicted share among the predictions of the last 24 windows
 * @param predictions that were counted in these
 * @param devices that predicted these; of a large fleet 1,000, chosen by a hash of their names
 * @param actual share among known outcomes, each weighted by one over the probability with which it
 *     was chosen to become known; people's labels are left out
 * @param outcomes that are known
 * @param shift of the actual share from training
 * @param drifted its whole interval is further from 0 than .02
 */
public record LabelShare(
    String slot,
    String model,
    long version,
    int label,
    @Nullable Double training,
    @Nullable Double trainingPredicted,
    @Nullable Double predicted,
    @Nullable Double predictedLow,
    @Nullable Double predictedHigh,
    long predictions,
    int devices,
    @Nullable Double actual,
    @Nullable Double actualLow,
    @Nullable Double actualHigh,
    long outcomes,
    @Nullable Double shift,
    @Nullable Double shiftLow,
    @Nullable Double shiftHigh,
    boolean drifted) {}
