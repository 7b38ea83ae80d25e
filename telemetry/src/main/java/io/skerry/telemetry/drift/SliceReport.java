package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How a model treats the slices of a fleet, each against all other slices together, from counts of
 * predicted and actual classes per device.
 *
 * <p>Intervals are over devices, by linearisation: what one device contributes to a ratio. Slices
 * of fewer than {@link #DEVICES_MIN} devices are told as suppressed, without figures.
 *
 * @param slices by name
 */
public record SliceReport(List<Slice> slices) {
  /** Devices that a slice must have before anything is told of it. */
  public static final int DEVICES_MIN = 20;

  /** The four-fifths rule: a disparate impact outside this and its inverse is a finding. */
  public static final double IMPACT_MIN = .8;

  /**
   * Weighted outcomes of one device.
   *
   * @param slice it belongs to
   * @param truePositives weight of predictions that are positive and came true, and so on
   * @param scoreSum weight times score, over all predictions
   */
  public record DeviceCounts(
      String slice,
      double truePositives,
      double falsePositives,
      double falseNegatives,
      double trueNegatives,
      double scoreSum) {
    double total() {
      return truePositives + falsePositives + falseNegatives + trueNegatives;
    }

    double predictedPositive() {
      return truePositives + falsePositives;
    }

    double actualPositive() {
      return truePositives + falseNegatives;
    }
  }

  /**
   * One slice against the others.
   *
   * @param figures empty when it has too few devices
   */
  public record Slice(String name, int devices, Optional<Figures> figures) {}

  /**
   * What is told of a slice.
   *
   * @param positiveRate share predicted positive
   * @param parityDifference positive rate less that of the others (demographic parity)
   * @param disparateImpact positive rate over that of the others
   * @param opportunityDifference recall less that of the others (equal opportunity)
   * @param accuracyDifference accuracy less that of the others
   * @param calibrationError mean score less the share of actual positives
   */
  public record Figures(
      Estimate positiveRate,
      Estimate parityDifference,
      Estimate disparateImpact,
      Estimate opportunityDifference,
      Estimate accuracyDifference,
      Estimate calibrationError) {
    /** Whether an interval is wholly beyond what is tolerated. */
    public boolean isUnfair(double tolerance) {
      return disparateImpact.high() < IMPACT_MIN
          || disparateImpact.low() > 1 / IMPACT_MIN
          || beyond(opportunityDifference, tolerance)
          || beyond(parityDifference, tolerance);
    }

    private static boolean beyond(Estimate estimate, double tolerance) {
      return estimate.low() > tolerance || estimate.high() < -tolerance;
    }
  }

  /** Compares the slices. */
  public static SliceReport of(List<DeviceCounts> devices) {
    Map<String, List<DeviceCounts>> bySlice = new TreeMap<>();
    devices.forEach(one -> bySlice.computeIfAbsent(one.slice(), key -> new ArrayList<>()).add(one));
    List<Slice> slices = new ArrayList<>();
    bySlice.forEach(
        (name, members) -> {
          List<DeviceCounts> others =
              devices.stream().filter(one -> !one.slice().equals(name)).toList();
          slices.add(
              new Slice(
                  name,
                  members.size(),
                  members.size() < DEVICES_MIN || others.size() < DEVICES_MIN
                      ? Optional.empty()
                      : Optional.of(figures(members, others))));
        });
    return new SliceReport(List.copyOf(slices));
  }

  private static Figures figures(List<DeviceCounts> members, List<DeviceCounts> others) {
    Ratio rate = Ratio.of(members, DeviceCounts::predictedPositive, DeviceCounts::total);
    Ratio otherRate = Ratio.of(others, DeviceCounts::predictedPositive, DeviceCounts::total);
    double impact = otherRate.value() > 0 ? rate.value() / otherRate.value() : Double.NaN;
    // Of a quotient's logarithm: relative errors add up in squares.
    double relative =
        Math.hypot(rate.error() / rate.value(), otherRate.error() / otherRate.value());
    Ratio bias =
        Ratio.of(members, one -> one.scoreSum() - one.actualPositive(), DeviceCounts::total);
    return new Figures(
        rate.estimate(),
        rate.less(otherRate),
        new Estimate(
            impact, impact * Math.exp(-1.96 * relative), impact * Math.exp(1.96 * relative)),
        Ratio.of(members, DeviceCounts::truePositives, DeviceCounts::actualPositive)
            .less(Ratio.of(others, DeviceCounts::truePositives, DeviceCounts::actualPositive)),
        Ratio.of(members, SliceReport::right, DeviceCounts::total)
            .less(Ratio.of(others, SliceReport::right, DeviceCounts::total)),
        bias.estimate());
  }

  private static double right(DeviceCounts one) {
    return one.truePositives() + one.trueNegatives();
  }
}
