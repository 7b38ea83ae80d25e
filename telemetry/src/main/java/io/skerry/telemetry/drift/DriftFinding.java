package io.skerry.telemetry.drift;

/**
 * One cause of drift: a cohort and what moved there.
 *
 * @param feature an input feature, or an output stream when no input moved
 * @param onsetWindow first window of the evidence
 * @param window in which the evidence reached the threshold
 * @param effect mean residual since the onset, in positions
 * @param shiftSigma shift of the feature's mean against baseline and peers, in training standard
 *     deviations; at most what the bins can show; 0 for an output stream
 * @param psi bias-corrected, against the cohort's own baseline
 * @param devices of the cohort
 * @param predictions counted in the cohort since the onset
 * @param logEvidence of the strongest stream
 * @param firedBy the strongest stream
 */
public record DriftFinding(
    Cohort cohort,
    String feature,
    long onsetWindow,
    long window,
    double effect,
    double shiftSigma,
    double psi,
    int devices,
    long predictions,
    double logEvidence,
    Stream firedBy) {}
