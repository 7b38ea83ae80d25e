package io.skerry.fleet.gate;

import java.util.List;
import java.util.function.Predicate;

/**
 * How much the devices of one arm differ, where single profiles have too few devices to tell.
 *
 * <p>A profile of one device says nothing of differences between devices, one of two hardly more;
 * several of them together do. The within-profile spread is estimated once for all small profiles
 * (the pooled variance of an analysis of variance) and scaled to each; its degrees of freedom are
 * the devices less the profiles. That a device differs from its profile's mean about as much in one
 * small profile as in another is assumed.
 */
final class SharedSpread {
  private final long devicesMin;
  private final double shareVariance;
  private final double widening;

  private SharedSpread(long devicesMin, double shareVariance, double degreesOfFreedom) {
    this.devicesMin = devicesMin;
    this.shareVariance = shareVariance;
    this.widening = StudentT.widening(degreesOfFreedom);
  }

  /**
   * The spread shared by the small profiles of an arm.
   *
   * @param devicesMin devices from which a profile knows its own spread
   */
  static SharedSpread of(List<ArmSums> profiles, long devicesMin) {
    List<ArmSums> small =
        profiles.stream().filter(isSmall(devicesMin)).filter(one -> one.devices() > 0).toList();
    double residuals = small.stream().mapToDouble(ArmSums::residuals).sum();
    double weight =
        small.stream()
            .mapToDouble(one -> one.trialsSquared() * (one.devices() - 1) / one.devices())
            .sum();
    double freedom = small.stream().mapToLong(one -> one.devices() - 1).sum();
    return new SharedSpread(devicesMin, weight == 0 ? 0 : residuals / weight, freedom);
  }

  /** Variance of the profile's share; infinite where all small profiles have one device each. */
  double variance(ArmSums profile) {
    if (!isSmall(devicesMin).test(profile)) {
      return profile.variance();
    }
    double between =
        shareVariance * profile.trialsSquared() / (profile.trials() * profile.trials());
    return Math.max(between, profile.independentVariance()) * widening * widening;
  }

  private static Predicate<ArmSums> isSmall(long devicesMin) {
    return profile -> profile.devices() < devicesMin;
  }
}
