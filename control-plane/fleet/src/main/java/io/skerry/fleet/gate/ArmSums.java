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

  private static final long MANY = 4;
  private static final double MANY_EFFECTIVE = 3;

  // Two devices of unequal trials are a little less than two.
  private static final double PAIR = 1.5;

  /** Devices that are one trial each, and those of them that are a hit. */
  public static ArmSums ofDevices(long devices, long hits) {
    return new ArmSums(devices, devices, hits, devices, hits, hits);
  }

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
  public ArmSums plus(ArmSums other) {
    return new ArmSums(
        devices + other.devices,
        trials + other.trials,
        hits + other.hits,
        trialsSquared + other.trialsSquared,
        product + other.product,
        hitsSquared + other.hitsSquared);
  }

  /** Hits per trial; 0 without trials. */
  public double share() {
    return trials == 0 ? 0 : hits / trials;
  }

  /** The same devices, their hits counted from a share that was to be expected. */
  ArmSums centred(double expected) {
    return new ArmSums(
        devices,
        trials,
        hits - expected * trials,
        trialsSquared,
        product - expected * trialsSquared,
        hitsSquared - 2 * expected * product + expected * expected * trialsSquared);
  }

  /**
   * As many devices of equal trials as would know the share as well (Kish 1965, 8.2): one busy
   * device is no more than one, however many idle ones stand beside it.
   */
  double effectiveDevices() {
    return trialsSquared == 0 ? 0 : trials * trials / trialsSquared;
  }

  /** Four devices, of which none outweighs the others: enough to know how much they differ. */
  boolean areMany() {
    return devices >= MANY && effectiveDevices() >= MANY_EFFECTIVE;
  }

  /** Whether anything is known of how much devices differ. */
  boolean arePair() {
    return effectiveDevices() >= PAIR;
  }

  /**
   * Variance of {@link #share} as far as it was seen: that of a ratio over devices (Cochran 1977,
   * 6.4), never below that of independent trials, which is all that one device tells.
   */
  double spread() {
    return spread(this);
  }

  /**
   * The same, widened for few devices by the squared ratio of Student's and the normal quantile.
   * Infinite with one device, or one and next to none: nothing is known of their differences.
   */
  double variance() {
    return widened(spread());
  }

  /**
   * Variance of a weighted mean of these devices' differences from something that is known for each
   * of them.
   *
   * @param centred these devices with hits counted from what is known
   */
  double variance(ArmSums centred) {
    return widened(spread(centred));
  }

  /** As {@link #variance(ArmSums)}, as far as it was seen. */
  double spread(ArmSums centred) {
    double smoothed = Math.clamp((hits + .5) / (trials + 1), 0.0, 1.0);
    double independent = smoothed * (1 - smoothed) / trials;
    if (!arePair()) {
      return independent;
    }
    double devices = effectiveDevices();
    double mean = centred.share();
    double residuals =
        centred.hitsSquared - 2 * mean * centred.product + mean * mean * centred.trialsSquared;
    return Math.max(independent, residuals / (trials * trials) * devices / (devices - 1));
  }

  private double widened(double spread) {
    if (!arePair()) {
      return Double.POSITIVE_INFINITY;
    }
    double widening = StudentT.widening(effectiveDevices() - 1);
    return spread * widening * widening;
  }
}
