package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One cause that moved what a cohort's devices see.
 *
 * @param state OPEN, HARM_CONFIRMED or RESOLVED
 * @param cohort {@code attribute=value}
 * @param feature the input stream that moved most
 * @param onsetWindow the window in which it seems to have begun
 * @param openedWindow the window whose data opened the incident
 * @param shiftSigma how far the feature moved, in the baseline's standard deviations
 * @param psi bias-corrected population stability index
 * @param devices of the cohort that were judged
 * @param evidence natural logarithm of the detector's value when it opened
 * @param harm what feedback shows; absent while there is too little of it
 * @param estimate what calibrated scores let expect without outcomes, blind to concept change;
 *     absent where the model tells no score. Of more than two classes it is the accuracy of all
 * @param broken what came to be harm by itself there after it had opened, as {@code QUALITY s4,
 *     ERROR wrong}: values that are missing, impossible or stuck, wrong predictions; mostly empty
 */
public record Incident(
    String id,
    String state,
    String model,
    long version,
    String cohort,
    String feature,
    Instant openedAt,
    long onsetWindow,
    long openedWindow,
    double shiftSigma,
    double psi,
    int devices,
    double evidence,
    @Nullable Harm harm,
    @Nullable Harm estimate,
    String broken) {
  /**
   * A measure of the cohort's predictions against their outcomes.
   *
   * @param metric {@code balancedAccuracy} or {@code estimatedBalancedAccuracy}
   * @param before the onset
   * @param after the onset
   * @param predictions since the onset that it rests on: those with an outcome, or with a score
   * @param read share of the outcomes of both sides that was read: 1 up to 200,000 of a side,
   *     beyond that an even sample over devices; of scores 1
   */
  public record Harm(String metric, double before, double after, long predictions, double read) {}
}
