package io.skerry.api;

import org.jspecify.annotations.Nullable;

/**
 * How good a variant is on the evaluation items, beside the float model on the same items.
 *
 * @param metric what it is judged by, such as {@code accuracy} or {@code rocAuc}; {@code agreement}
 *     is the share of items on which it agrees with the model as given, of a detector's boxes,
 *     where no labels were given
 * @param value of the metric, with its 95 % interval
 * @param difference value − the float model's, with the paired 95 % interval
 * @param items evaluated
 * @param flips items, or pixels where each has a class, of which variant and float model say
 *     different classes; absent where nothing is said to be of a class
 * @param signalToNoise of all outputs against the float model's, in decibels; absent when they are
 *     the same
 */
public record VariantQuality(
    String metric,
    Interval value,
    Interval difference,
    int items,
    @Nullable Integer flips,
    @Nullable Double signalToNoise) {
  /** The metric where no labels were given. */
  public static final String AGREEMENT = "agreement";
}
