package io.skerry.fleet.gate;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * How much a metric differs from what it is compared with.
 *
 * @param trials of the new version
 * @param difference of shares, new version minus reference
 * @param spread variance of the difference as far as it was seen
 * @param variance the same, widened for the few devices that it was seen on
 * @param reference share of the control devices, or the limit
 * @param controls whether the reference is that of control devices
 */
record Effect(
    double trials,
    double difference,
    double spread,
    double variance,
    double reference,
    boolean controls) {
  /** Nothing that tells a difference. */
  static final Effect UNKNOWN =
      new Effect(0, 0, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 0, true);

  /** From a share that is given. */
  static Effect ofLimit(ArmSums newer, double limit) {
    return new Effect(
        newer.trials(), newer.share() - limit, newer.spread(), newer.variance(), limit, false);
  }

  /**
   * From the controls of the same profile. Where few devices look more alike than the controls are,
   * what was seen of their spread is the controls'.
   */
  static Effect ofControls(Comparison seen) {
    ArmSums newer = seen.newer();
    ArmSums older = seen.older();
    double asControls = older.spread() * older.effectiveDevices() / newer.effectiveDevices();
    return new Effect(
        newer.trials(),
        newer.share() - older.share(),
        Math.max(newer.spread(), asControls) + older.spread(),
        newer.variance() + older.variance(),
        older.share(),
        true);
  }

  /**
   * From the controls of several profiles, weighed by the new version's trials. Profiles with too
   * few devices of the new version to know how much they differ are one stratum together; where
   * larger ones are, and these are still too few, they are left out: a rare profile hides nothing
   * and holds nothing back.
   *
   * @param profiles that are comparable
   */
  static Effect ofControls(List<Comparison> profiles) {
    List<Comparison> known =
        profiles.stream()
            .filter(one -> one.older().effectiveDevices() >= Comparison.DEVICES_MIN)
            .toList();
    return strata(known.isEmpty() ? profiles : known, Effect::ofControls, Effect::collapsed);
  }

  /** From a limit, over several profiles, as {@link #ofControls(List)}. */
  static Effect ofLimit(List<Comparison> profiles, double limit) {
    return strata(
        profiles,
        one -> ofLimit(one.newer(), limit),
        small -> ofLimit(sum(small.stream().map(Comparison::newer).toList()), limit));
  }

  private static Effect strata(
      List<Comparison> profiles,
      Function<Comparison, Effect> alone,
      Function<List<Comparison>, Effect> together) {
    List<Comparison> small = profiles.stream().filter(Effect::isSmall).toList();
    List<Effect> large = profiles.stream().filter(one -> !isSmall(one)).map(alone).toList();
    if (small.isEmpty()) {
      return weighted(large);
    }
    boolean enough =
        sum(small.stream().map(Comparison::newer).toList()).effectiveDevices()
            >= Comparison.DEVICES_MIN;
    return large.isEmpty() || enough
        ? weighted(Stream.concat(large.stream(), Stream.of(together.apply(small))).toList())
        : weighted(large);
  }

  private static boolean isSmall(Comparison one) {
    return one.newer().effectiveDevices() < Comparison.DEVICES_MIN;
  }

  // The collapsed strata of Cochran 1977, 5A.12. Each profile is compared with its own controls:
  // what is left between its devices is how much they differ in that.
  private static Effect collapsed(List<Comparison> profiles) {
    ArmSums newer = sum(profiles.stream().map(Comparison::newer).toList());
    ArmSums centred =
        sum(profiles.stream().map(one -> one.newer().centred(one.older().share())).toList());
    double spread = newer.spread(centred);
    double variance = newer.variance(centred);
    for (Comparison one : profiles) {
      double weight = one.newer().trials() / newer.trials();
      spread += weight * weight * one.older().spread();
      variance += weight * weight * one.older().variance();
    }
    return new Effect(
        newer.trials(), centred.share(), spread, variance, newer.share() - centred.share(), true);
  }

  private static Effect weighted(List<Effect> strata) {
    if (strata.isEmpty()) {
      return UNKNOWN;
    }
    double trials = strata.stream().mapToDouble(Effect::trials).sum();
    double difference = 0;
    double spread = 0;
    double variance = 0;
    double reference = 0;
    for (Effect one : strata) {
      double weight = one.trials / trials;
      difference += weight * one.difference;
      spread += weight * weight * one.spread;
      variance += weight * weight * one.variance;
      reference += weight * one.reference;
    }
    return new Effect(trials, difference, spread, variance, reference, strata.getFirst().controls);
  }

  static ArmSums sum(List<ArmSums> arms) {
    return arms.stream().reduce(ArmSums.NONE, ArmSums::plus);
  }
}
