package io.skerry.fleet.gate;

/**
 * A confidence sequence for a mean effect: it covers the effect at every moment at once, so it may
 * be looked at as often as one likes.
 *
 * <p>For an estimate d with variance s² and any effect θ, the normal mixture with scale ρ
 *
 * <pre>{@code E(θ) = √(s² / (s² + ρ²)) · exp( ρ² (d − θ)² / (2 s² (s² + ρ²)) )}</pre>
 *
 * is an e-process when θ is true: the chance that it ever reaches 1/α is at most α (Ville). What it
 * has not excluded is {@code d ± radius}. The estimate here is a difference of two means over
 * devices, whose lasting differences are part of s², so the same holds when evidence of the same
 * devices accumulates: E is then the ratio of two marginal likelihoods of the drift that the
 * devices share. Normality comes from the number of devices and trials; {@code SequentialGateTest}
 * and {@code skerry bench rollouts} show the rates that this reaches.
 *
 * @see <a href="https://doi.org/10.1214/aoms/1177696786">Robbins 1970, normal mixtures</a>
 * @see <a href="https://doi.org/10.1287/opre.2021.2135">Johari, Koomen, Pekelis, Walsh 2022</a>
 */
final class MixtureSequence {
  private MixtureSequence() {}

  /**
   * Half the width of the confidence sequence; infinite when the variance is.
   *
   * @param variance of the estimate, above 0
   * @param scale ρ above 0: the size of effect that matters
   * @param alpha chance that the sequence ever misses the true effect, 0 to 1
   */
  static double radius(double variance, double scale, double alpha) {
    if (Double.isInfinite(variance)) {
      return Double.POSITIVE_INFINITY;
    }
    double mixed = variance + scale * scale;
    double evidence = Math.log(1 / alpha) + .5 * Math.log(mixed / variance);
    return Math.sqrt(2 * variance * mixed / (scale * scale) * evidence);
  }

  /** Natural logarithm of E(θ). */
  static double logEvidence(double estimate, double effect, double variance, double scale) {
    if (Double.isInfinite(variance)) {
      return 0;
    }
    double mixed = variance + scale * scale;
    double distance = estimate - effect;
    return .5 * Math.log(variance / mixed)
        + scale * scale * distance * distance / (2 * variance * mixed);
  }
}
