package io.skerry.telemetry.drift;

import org.jspecify.annotations.Nullable;

/**
 * One cause of drift: a cohort and what moved there.
 *
 * @param feature name of the stream that moved most: an input, or an output when no input moved
 * @param movedBy the statistic of it
 * @param onsetWindow first window in which the shift may have begun
 * @param onsetLatest last such window
 * @param window in which the evidence reached the threshold
 * @param effect mean residual of the cohort's devices less that of the others, in the statistic's
 *     own unit, the latest windows counting most; of the whole fleet its level less its own
 *     baseline, in this window
 * @param size on merged counts, of an output those of the version that leads, without a shift;
 *     nothing of outcomes, and of two labels at once only the shift, for no counts from before are
 *     kept of them alone
 * @param devices of the cohort
 * @param peers devices they were compared with; none of the whole fleet
 * @param predictions counted in the cohort in this window
 * @param shareExplained of the differences between devices that any cohort explains, how much this
 *     one does, 0 to 1
 * @param logEvidence of the strongest detector
 * @param logThreshold which it reached
 * @param firedIn the cohort of the strongest detector
 * @param firedBy its statistic
 * @param otherwise the cohort that moved instead, the other way, if this one did not: each holds
 *     the other's peers, and the fleet's course does not tell them apart. Null where that is clear
 */
public record DriftFinding(
    Cohort cohort,
    String feature,
    Stream movedBy,
    long onsetWindow,
    long onsetLatest,
    long window,
    Estimate effect,
    EffectSize size,
    int devices,
    int peers,
    long predictions,
    double shareExplained,
    double logEvidence,
    double logThreshold,
    Cohort firedIn,
    Stream firedBy,
    @Nullable Cohort otherwise) {
  /** What an incident of this finding is about. */
  public enum Nature {
    /** Inputs moved: to be looked into, harmful only if accuracy falls. */
    INPUT,
    /** Values are missing, impossible or repeated: harm by itself. */
    QUALITY,
    /** What the model says moved, and no input did. */
    OUTPUT,
    /** More predictions are wrong. */
    ERROR
  }

  /** What it is about. */
  public Nature nature() {
    return switch (movedBy.kind()) {
      case LOCATION, CONDITIONAL, SCALE, CATEGORY -> Nature.INPUT;
      case QUALITY, STUCK -> Nature.QUALITY;
      case OUTPUT, SHARE -> Nature.OUTPUT;
      case ERROR -> Nature.ERROR;
    };
  }

  /** Whether more is missing, impossible, stuck or wrong than before, and not less. */
  public boolean isWorse() {
    return movedBy.kind().isWorseAbove() && effect.value() > 0;
  }

  /** Shift of the feature's mean, in training standard deviations. */
  public double shiftSigma() {
    return size.shiftSigma().value();
  }

  /** Bias-corrected population stability index. */
  public double psi() {
    return size.psi().value();
  }
}
