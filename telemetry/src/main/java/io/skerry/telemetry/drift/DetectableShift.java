package io.skerry.telemetry.drift;

import java.util.Optional;

/**
 * The smallest shift of a mean position that a cohort's detector finds as often as not within some
 * windows: what verdicts are made of, read the other way round.
 *
 * <pre>{@code
 * y = clip((shift + noise of one device-window) / clip)     tolerance = material + 3.9 SE(baseline)
 * growth(l) = part n E[ln(1 + l x)], of many units  part n (l E[x] - psi(l) E[x^2])
 * part      = peers / (peers + fresh n)                x = (y - tau) / (1 + tau)
 * M_t(l) = (M_{t-1}(l) + 1) e^growth(l);  found when the mean over the bets reaches c H
 * }</pre>
 */
public final class DetectableShift {
  private static final int POINTS = 81;
  private static final double REACH = 4;
  private static final int HALVINGS = 40;
  private static final double LARGEST = .5;

  private DetectableShift() {}

  /**
   * How much a device's mean position strays from window to window.
   *
   * @param variance around its baseline
   * @param baselineVariance of the baseline's mean, with what of the present is no new evidence
   */
  public record Spread(double variance, double baselineVariance) {
    /**
     * What a stored verdict was made with; empty of the whole fleet, which has no peers, and of
     * shares, whose tolerance has in it what clipping may hide.
     */
    public static Optional<Spread> of(DriftSettings settings, StreamVerdict verdict) {
      if (verdict.devices() < 1
          || verdict.peers() < 1
          || WindowComparison.isShare(verdict.stream().kind())) {
        return Optional.empty();
      }
      double share = 1.0 / verdict.devices() + 1.0 / verdict.peers();
      double beyond =
          (verdict.tolerance() - settings.material(verdict.stream().kind())) / settings.baselineZ();
      return Optional.of(
          new Spread(
              verdict.error() * verdict.error() / share, beyond * Math.max(0, beyond) / share));
    }

    /**
     * The same of windows that are counted together: what one hands on to the next stays.
     *
     * @param windows how many of those that this is the spread of, at least 1
     */
    public Spread together(double windows) {
      double lasting = variance > 0 ? Math.min(1, baselineVariance / variance) : 0;
      double part = lasting + (1 - lasting) / windows;
      return new Spread(variance * part, baselineVariance * part);
    }
  }

  /**
   * The shift, in the statistic's own unit.
   *
   * @param kind of the statistic, which says what is material
   * @param logThreshold where an incident is opened
   * @param devices of the cohort
   * @param peers they are compared with
   * @param windows within which it is found
   * @return empty when no shift is found as fast, or so few devices are not judged
   */
  public static Optional<Double> smallest(
      DriftSettings settings,
      Stream.Kind kind,
      Spread spread,
      double logThreshold,
      int devices,
      int peers,
      int windows) {
    if (devices < settings.cohortMin() || peers < settings.cohortMin()) {
      return Optional.empty();
    }
    double material = settings.material(kind);
    double tolerance =
        material
            + settings.baselineZ()
                * Math.sqrt(spread.baselineVariance() * (1.0 / devices + 1.0 / peers));
    double clip = WindowComparison.clip(settings, spread.variance(), material, tolerance);
    double part = ShiftDetectors.part(devices, peers, spread.variance(), spread.baselineVariance());
    Group group = new Group(devices, windows, tolerance / clip, clip, spread.variance(), part);
    if (tolerance / clip >= WindowComparison.TOLERANCE_MAX || group.logM(LARGEST) < logThreshold) {
      return Optional.empty();
    }
    double low = 0;
    double high = LARGEST;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      if (group.logM(middle) < logThreshold) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return Optional.of(high);
  }

  private record Group(
      int devices, int windows, double tau, double clip, double variance, double part) {
    /** What the detector comes to with a shift, as often as not. */
    double logM(double shift) {
      double[] bets = ShiftDetectors.bets();
      double[] growth = new double[2 * bets.length];
      double weights = 0;
      for (int point = 0; point < POINTS; point++) {
        double z = REACH * (2.0 * point / (POINTS - 1) - 1);
        double weight = Math.exp(-z * z / 2);
        weights += weight;
        double y = Math.max(-1, Math.min(1, (shift + Math.sqrt(variance) * z) / clip));
        for (int side = 0; side < 2; side++) {
          double x = ((side == 0 ? y : -y) - tau) / (1 + tau);
          for (int i = 0; i < bets.length; i++) {
            growth[side * bets.length + i] +=
                weight * ShiftDetectors.growth(bets[i], x, devices <= WindowComparison.EXACT_MAX);
          }
        }
      }
      double sum = 0;
      for (double each : growth) {
        double e = Math.exp(Math.min(600, each / weights * devices * part));
        double m = 0;
        for (int window = 0; window < windows; window++) {
          m = Math.min(1e280, (m + 1) * e);
        }
        sum += m / growth.length;
      }
      return Math.log(sum);
    }
  }
}
