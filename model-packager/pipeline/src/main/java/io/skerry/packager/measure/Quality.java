package io.skerry.packager.measure;

import java.util.OptionalInt;

/**
 * How good a candidate is on evaluation items, beside the float model on the same items.
 *
 * @param metric the task's
 * @param value of the metric
 * @param interval of the value
 * @param difference value − the float model's
 * @param differenceInterval paired: the same items decide for both
 * @param pValue of the paired test that there is no difference
 * @param loss what is lost: 0 when nothing is, in the metric's own unit, of errors as a share of
 *     the float model's
 * @param flips items, or pixels where each has a class, of which candidate and float model say
 *     different classes; absent where nothing is said to be of a class
 * @param signalToNoise of all outputs against the float model's, in decibels
 * @param items evaluated
 */
public record Quality(
    Metric metric,
    double value,
    Interval interval,
    double difference,
    Interval differenceInterval,
    double pValue,
    double loss,
    OptionalInt flips,
    double signalToNoise,
    int items) {
  // Shares of items are no exact numbers: 1 - 98/100 is more than 0.02.
  private static final double ROUNDING = 1e-9;

  /** Whether no more is lost than may be. */
  public boolean keeps(double maxDrop) {
    return loss <= maxDrop + ROUNDING;
  }

  /**
   * Whether no more may be lost than may be, as far as so few items tell: they move a share in
   * large steps, so that one flip more than the budget is no proof of a loss. An error has no such
   * steps.
   */
  boolean keepsWithinNoise(double maxDrop) {
    return keeps(maxDrop)
        || (!metric.isError() && differenceInterval.high() >= 0 && keeps(maxDrop + 1.0 / items));
  }
}
