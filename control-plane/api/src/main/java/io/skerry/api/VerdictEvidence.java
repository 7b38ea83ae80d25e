package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is stored with a verdict: all that the formula of an {@link Explanation} takes, of the
 * window in which the evidence reached the threshold.
 *
 * @param bets b of the formula
 * @param before M of each bet before the window: of the rising ones, then of the falling
 * @param units that had a say: devices, or values of the unit attribute; of the whole fleet 1
 * @param values y of each unit; empty of more than 256, of which the sums say enough
 * @param sum of y
 * @param squares sum of y squared
 * @param tolerance of the mean of y
 * @param scale what y is divided by: the clip, of the whole fleet sd
 * @param part of a window's evidence that counts, less where peers are few; of the whole fleet 1
 * @param windowsPerFalseIncident c of the formula
 * @param detectors H of the formula
 * @param bins in which the feature was compared; none of an output
 */
public record VerdictEvidence(
    List<Double> bets,
    List<Double> before,
    int units,
    List<Double> values,
    double sum,
    double squares,
    double tolerance,
    double scale,
    double part,
    long windowsPerFalseIncident,
    int detectors,
    List<Bin> bins) {
  public VerdictEvidence {
    bets = List.copyOf(bets);
    before = List.copyOf(before);
    values = List.copyOf(values);
    bins = List.copyOf(bins);
  }

  /**
   * One bin; a device counts for four others at most.
   *
   * @param low edge, in the feature's unit; absent of the first bin
   * @param high edge; absent of the last
   * @param baseline counted by the cohort while it learned
   * @param count counted by the cohort in the window
   */
  public record Bin(@Nullable Double low, @Nullable Double high, long baseline, long count) {}
}
