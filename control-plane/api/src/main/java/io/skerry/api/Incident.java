package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One cause that moved what a cohort's devices see.
 *
 * @param state OPEN, HARM_CONFIRMED or RESOLVED
 * @param cohort {@code attribute=value}
 * @param otherwise the cohort that moved instead, the other way, if {@code cohort} did not: of a
 *     label with two values, until the course of the whole fleet is known; mostly empty
 * @param feature the input stream that moved most
 * @param onsetWindow the window in which it seems to have begun
 * @param openedWindow the window whose data opened the incident
 * @param shiftSigma how far the feature's mean moved, in the baseline's standard deviations; absent
 *     where its mean is not what moved, or has no such unit
 * @param psi bias-corrected population stability index; absent where no counts were compared
 * @param devices of the cohort that were judged
 * @param evidence natural logarithm of the detector's value when it opened
 * @param harm what feedback shows; absent while there is too little of it
 * @param estimate what calibrated scores let expect without outcomes, blind to concept change;
 *     absent where the model tells no score. Of more than two classes it is the accuracy of all
 * @param broken what came to be harm by itself there after it had opened, as {@code QUALITY s4,
 *     ERROR wrong}: values that are missing, impossible or stuck, wrong predictions; mostly empty
 * @param effect how far what moved did, in its own unit
 */
public record Incident(
    String id,
    String state,
    String model,
    long version,
    String cohort,
    String otherwise,
    String feature,
    Instant openedAt,
    long onsetWindow,
    long openedWindow,
    @Nullable Double shiftSigma,
    @Nullable Double psi,
    int devices,
    double evidence,
    @Nullable Harm harm,
    @Nullable Harm estimate,
    String broken,
    Effect effect) {
  /**
   * How far the statistic that moved most is from its peers and from where it was, when the
   * incident opened, with the 95 % interval over devices.
   *
   * @param kind what is compared: LOCATION, CONDITIONAL, SCALE, QUALITY, STUCK, CATEGORY, OUTPUT,
   *     SHARE or ERROR
   * @param stream whose; of one category or class with its name behind a colon
   * @param value shares as parts of 1, means and spreads on training's scale from 0 to 1
   * @param words the same for people, as {@code wrong predictions +9.0 points (+8.1 to +9.9)}
   */
  public record Effect(
      String kind, String stream, double value, double low, double high, String words) {}

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
