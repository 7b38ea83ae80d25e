package io.skerry.telemetry.drift;

import java.util.Optional;

/**
 * What one window said about one statistic of one cohort.
 *
 * @param devices of the cohort that said something
 * @param peers devices they were compared with; none of the whole fleet
 * @param effect mean residual of the cohort's devices against baseline and peers
 * @param error standard error of the effect
 * @param tolerance below which an effect does not matter or may be the baseline's own error
 * @param slope by how much the statistic moves when its feature moves by one training standard
 *     deviation; 0 where it is no position of an input
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
    double slope,
    double logEvidence,
    double logThreshold) {
  /** Whether the evidence reached the threshold. */
  public boolean fired() {
    return logEvidence >= logThreshold;
  }

  /** The effect with its interval over devices. */
  public Estimate estimate() {
    return Estimate.around(effect, error);
  }

  /** The effect in training standard deviations of the feature; empty where that has no meaning. */
  public Optional<Estimate> shiftSigma() {
    return slope > 0
        ? Optional.of(Estimate.around(effect / slope, error / slope))
        : Optional.empty();
  }

  StreamVerdict withThreshold(double threshold) {
    return new StreamVerdict(
        cohort, stream, devices, peers, effect, error, tolerance, slope, logEvidence, threshold);
  }
}
