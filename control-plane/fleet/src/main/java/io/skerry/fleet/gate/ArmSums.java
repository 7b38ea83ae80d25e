package io.skerry.fleet.gate;

/**
 * One metric of one version, summed over devices: enough for a share and its variance between
 * devices. With n trials and x hits of each device:
 *
 * @param devices that have trials
 * @param trials Σn
 * @param hits Σx
 * @param trialsSquared Σn²
 * @param product Σnx
 * @param hitsSquared Σx²
 */
public record ArmSums(
    long devices,
    double trials,
    double hits,
    double trialsSquared,
    double product,
    double hitsSquared) {
  /** Nothing was seen. */
  public static final ArmSums NONE = new ArmSums(0, 0, 0, 0, 0, 0);

  /** The sums with one more device. */
  public ArmSums plus(double deviceTrials, double deviceHits) {
    return deviceTrials == 0
        ? this
        : new ArmSums(
            devices + 1,
            trials + deviceTrials,
            hits + deviceHits,
            trialsSquared + deviceTrials * deviceTrials,
            product + deviceTrials * deviceHits,
            hitsSquared + deviceHits * deviceHits);
  }

  /** The sums of both. */
  ArmSums plus(ArmSums other) {
    return new ArmSums(
        devices + other.devices,
        trials + other.trials,
        hits + other.hits,
        trialsSquared + other.trialsSquared,
        product + other.product,
        hitsSquared + other.hitsSquared);
  }

  /** The same devices, each trial of which counts so much. */
  ArmSums times(double weight) {
    return new ArmSums(
        devices,
        weight * trials,
        weight * hits,
        weight * weight * trialsSquared,
        weight * weight * product,
        weight * weight * hitsSquared);
  }

  /** Hits per trial; 0 without trials. */
  public double share() {
    return trials == 0 ? 0 : hits / trials;
  }

  /**
   * Variance of {@link #share}: that of a ratio over devices (Cochran 1977, 6.4), never below that
   * of independent trials, and widened for few devices by the squared ratio of Student's and the
   * normal quantile. Infinite with fewer than two devices: nothing is known of their differences.
   */
  double variance() {
    if (devices < 2) {
      return Double.POSITIVE_INFINITY;
    }
    double share = share();
    double residuals = hitsSquared - 2 * share * product + share * share * trialsSquared;
    double between = Math.max(0, residuals) / (trials * trials) * devices / (devices - 1);
    double smoothed = Math.clamp((hits + .5) / (trials + 1), 0.0, 1.0);
    double independent = smoothed * (1 - smoothed) / trials;
    double widening = StudentT.widening((double) (devices - 1));
    return Math.max(between, independent) * widening * widening;
  }
}
