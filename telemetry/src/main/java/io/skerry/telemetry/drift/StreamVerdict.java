package io.skerry.telemetry.drift;

/**
 * What one window said about one statistic of one cohort.
 *
 * @param devices of the cohort that said something
 * @param peers devices they were compared with; none of the whole fleet
 * @param effect mean residual of the cohort's devices against baseline and peers
 * @param error standard error of the effect
 * @param tolerance below which an effect does not matter or may be the baseline's own error
 * @param logEvidence natural logarithm of the e-detector's value
 * @param logThreshold where it opens an incident
 */
public record StreamVerdict(
    Cohort cohort,
    Stream stream,
    int devices,
    int peers,
    double effect,
    double error,
    double tolerance,
    double logEvidence,
    double logThreshold) {
  /** Whether the evidence reached the threshold. */
  public boolean fired() {
    return logEvidence >= logThreshold;
  }

  StreamVerdict withThreshold(double threshold) {
    return new StreamVerdict(
        cohort, stream, devices, peers, effect, error, tolerance, logEvidence, threshold);
  }
}
