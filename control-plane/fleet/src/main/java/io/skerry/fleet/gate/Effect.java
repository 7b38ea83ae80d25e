package io.skerry.fleet.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * How much a metric differs from what it is compared with.
 *
 * @param trials of the new version
 * @param difference of shares, new version minus reference
 * @param spread variance of the difference as far as it was seen of the new version's devices
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
  /**
   * From the controls of several profiles, weighed by the new version's trials. Profiles with too
   * few devices of the new version to know how much they differ are one stratum together; where
   * larger ones are, and these are still too few, they are left out: a rare profile hides nothing
   * and holds nothing back. So are profiles with few controls beside enough others.
   *
   * @param profiles that are comparable, at least one
   */
  static Effect ofControls(List<Comparison> profiles) {
    List<Comparison> known = profiles.stream().filter(one -> one.older().areMany()).toList();
    List<Comparison> others = profiles.stream().filter(one -> !one.older().areMany()).toList();
    boolean enough = newer(known).areMany() && !newer(others).areMany();
    return strata(enough ? known : profiles, Effect::collapsed);
  }

  /** From a limit, over several profiles (at least one), as {@link #ofControls(List)}. */
  static Effect ofLimit(List<Comparison> profiles, double limit) {
    return strata(
        profiles,
        some -> {
          ArmSums newer = newer(some);
          return new Effect(
              newer.trials(),
              newer.share() - limit,
              newer.spread(),
              newer.variance(),
              limit,
              false);
        });
  }

  private static Effect strata(
      List<Comparison> profiles, Function<List<Comparison>, Effect> stratum) {
    List<Comparison> small = profiles.stream().filter(one -> !one.newer().areMany()).toList();
    List<Effect> strata = new ArrayList<>();
    for (Comparison one : profiles) {
      if (one.newer().areMany()) {
        strata.add(stratum.apply(List.of(one)));
      }
    }
    if (strata.isEmpty() || newer(small).areMany()) {
      strata.add(stratum.apply(small));
    }
    return weighted(strata);
  }

  // The collapsed strata of Cochran 1977, 5A.12. Each profile is compared with its own controls:
  // what is left between its devices is how much they differ in that. Where few devices look more
  // alike than the controls are, what was seen of their spread is the controls'.
  private static Effect collapsed(List<Comparison> profiles) {
    ArmSums newer = newer(profiles);
    ArmSums centred =
        profiles.stream()
            .map(one -> one.newer().centred(one.older().share()))
            .reduce(ArmSums.NONE, ArmSums::plus);
    double asControls = 0;
    double ofControls = 0;
    double squares = 0;
    for (Comparison one : profiles) {
      double weight = one.newer().trials() / newer.trials();
      double part = weight * weight * one.older().spread();
      asControls += weight * weight * spreadAsControls(one);
      ofControls += part;
      squares += part * part / (one.older().effectiveDevices() - 1);
    }
    // Satterthwaite 1946: pairs of controls in many profiles know together what none knows alone.
    double widening = StudentT.widening(ofControls * ofControls / squares);
    double variance = ofControls * widening * widening;
    return new Effect(
        newer.trials(),
        centred.share(),
        Math.max(newer.spread(centred), asControls) + variance,
        newer.variance(centred) + variance,
        newer.share() - centred.share(),
        true);
  }

  private static double spreadAsControls(Comparison seen) {
    return seen.older().spread()
        * seen.older().effectiveDevices()
        / seen.newer().effectiveDevices();
  }

  private static Effect weighted(List<Effect> strata) {
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

  private static ArmSums newer(List<Comparison> profiles) {
    return Comparison.sum(profiles).newer();
  }
}
