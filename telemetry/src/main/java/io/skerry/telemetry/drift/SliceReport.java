package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/**
 * How a model treats the slices of a fleet, each against all devices outside of it, from weighted
 * counts of predicted and actual classes per device.
 *
 * <p>Intervals are over devices, by linearisation: what one device contributes to a ratio. Those of
 * comparisons hold together with 95 %, all slices' at once (Bonferroni): of many slices one would
 * else be found unfair by chance. Slices of fewer than {@link #DEVICES_MIN} devices are told as
 * suppressed, without figures; with fewer outside nothing is compared. A figure for which fewer
 * have anything to count, as a recall of devices with an actual positive, is NaN: it would tell of
 * single devices, and of chance.
 *
 * @param slices by name
 */
public record SliceReport(List<Slice> slices) {
  /** Devices that a slice must have before anything is told of it. */
  public static final int DEVICES_MIN = 20;

  /** The four-fifths rule: a disparate impact outside this and its inverse is a finding. */
  public static final double IMPACT_MIN = .8;

  // Parity, impact and opportunity.
  private static final int FLAGGED_FIGURES = 3;

  /**
   * Weighted outcomes of one device.
   *
   * @param device whose; one that was moved has counts for each set of slices that it was in
   * @param slices that it belongs to, for example one for each of its attributes
   * @param outcomes how many there are
   * @param truePositives weight of predictions that are positive and came true, and so on
   * @param scoreSum weight times score, over all predictions
   */
  public record DeviceCounts(
      DeviceId device,
      Set<String> slices,
      long outcomes,
      double truePositives,
      double falsePositives,
      double falseNegatives,
      double trueNegatives,
      double scoreSum) {
    public DeviceCounts {
      slices = Set.copyOf(slices);
    }

    private DeviceCounts and(DeviceCounts other) {
      return new DeviceCounts(
          device,
          slices,
          outcomes + other.outcomes,
          truePositives + other.truePositives,
          falsePositives + other.falsePositives,
          falseNegatives + other.falseNegatives,
          trueNegatives + other.trueNegatives,
          scoreSum + other.scoreSum);
    }

    double total() {
      return truePositives + falsePositives + falseNegatives + trueNegatives;
    }

    double predictedPositive() {
      return truePositives + falsePositives;
    }

    double actualPositive() {
      return truePositives + falseNegatives;
    }

    double actualNegative() {
      return trueNegatives + falsePositives;
    }

    double right() {
      return truePositives + trueNegatives;
    }
  }

  /**
   * One slice.
   *
   * @param outcomes of its devices
   * @param figures empty when it has too few devices
   */
  public record Slice(String name, int devices, long outcomes, Optional<Figures> figures) {}

  /**
   * What is told of a slice.
   *
   * @param accuracy share of predictions that came true
   * @param balancedAccuracy mean of the shares of actual positives and of actual negatives that
   *     were found
   * @param positiveRate share predicted positive
   * @param recall share of actual positives that were found
   * @param calibrationError mean score less the share of actual positives
   * @param others against all devices outside; empty when these are too few
   */
  public record Figures(
      Estimate accuracy,
      Estimate balancedAccuracy,
      Estimate positiveRate,
      Estimate recall,
      Estimate calibrationError,
      Optional<Comparison> others) {}

  /**
   * A slice against all devices outside of it, with intervals that hold together with all others'.
   *
   * @param parityDifference positive rate less theirs (demographic parity)
   * @param disparateImpact positive rate over theirs
   * @param opportunityDifference recall less theirs (equal opportunity)
   * @param accuracyDifference accuracy less theirs
   */
  public record Comparison(
      Estimate parityDifference,
      Estimate disparateImpact,
      Estimate opportunityDifference,
      Estimate accuracyDifference) {
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

  /** An outcome, and the slices that its device was in when it was predicted. */
  public record Placed(Outcome outcome, Set<String> slices) {
    public Placed {
      slices = Set.copyOf(slices);
    }
  }

  private record Place(DeviceId device, Set<String> slices) {}

  /**
   * Counts the weighted outcomes of each device; one that floods counts for four others at most.
   *
   * @param threshold the score from which the positive class is predicted
   */
  public static List<DeviceCounts> count(List<Placed> outcomes, double threshold) {
    Map<Place, double[]> sums = new HashMap<>();
    Map<String, Double> shares =
        DeviceShare.shares(
            outcomes, one -> one.outcome().device().value(), one -> one.outcome().weight());
    for (Placed placed : outcomes) {
      Outcome one = placed.outcome();
      double[] of =
          sums.computeIfAbsent(new Place(one.device(), placed.slices()), key -> new double[6]);
      boolean predicted = one.score() >= threshold;
      double weight = one.weight() * shares.getOrDefault(one.device().value(), 1.0);
      of[(one.positive() ? 0 : 2) + (predicted ? 0 : 1)] += weight;
      of[4] += weight * one.score();
      of[5]++;
    }
    return sums.entrySet().stream()
        .map(
            entry -> {
              double[] of = entry.getValue();
              return new DeviceCounts(
                  entry.getKey().device(),
                  entry.getKey().slices(),
                  (long) of[5],
                  of[0],
                  of[2],
                  of[1],
                  of[3],
                  of[4]);
            })
        .toList();
  }

  /** Compares the slices. */
  public static SliceReport of(List<DeviceCounts> devices) {
    TreeSet<String> names = new TreeSet<>();
    devices.forEach(one -> names.addAll(one.slices()));
    List<Sides> sides = names.stream().map(name -> Sides.of(name, devices)).toList();
    long compared =
        sides.stream()
            .filter(one -> one.members().size() >= DEVICES_MIN)
            .filter(one -> one.others().size() >= DEVICES_MIN)
            .count();
    double z = Bonferroni.z(compared * FLAGGED_FIGURES);
    return new SliceReport(sides.stream().map(one -> slice(one, z)).toList());
  }

  /** One for each device on each side; who was moved is on both. */
  private record Sides(String name, List<DeviceCounts> members, List<DeviceCounts> others) {
    static Sides of(String name, List<DeviceCounts> devices) {
      Map<DeviceId, DeviceCounts> members = new TreeMap<>(Comparator.comparing(DeviceId::value));
      Map<DeviceId, DeviceCounts> others = new TreeMap<>(Comparator.comparing(DeviceId::value));
      for (DeviceCounts one : devices) {
        (one.slices().contains(name) ? members : others)
            .merge(one.device(), one, DeviceCounts::and);
      }
      return new Sides(name, List.copyOf(members.values()), List.copyOf(others.values()));
    }
  }

  private static Slice slice(Sides sides, double z) {
    List<DeviceCounts> members = sides.members();
    List<DeviceCounts> others = sides.others();
    return new Slice(
        sides.name(),
        members.size(),
        members.stream().mapToLong(DeviceCounts::outcomes).sum(),
        members.size() < DEVICES_MIN ? Optional.empty() : Optional.of(figures(members, others, z)));
  }

  private static Figures figures(List<DeviceCounts> members, List<DeviceCounts> others, double z) {
    Ratio rate = told(positiveRate(members));
    Ratio recall = told(recall(members));
    Ratio accuracy = told(accuracy(members));
    return new Figures(
        accuracy.estimate(),
        (has(members, DeviceCounts::actualPositive) && has(members, DeviceCounts::actualNegative)
                ? balancedAccuracy(members)
                : UNTOLD)
            .estimate(),
        rate.estimate(),
        recall.estimate(),
        told(Ratio.of(members, one -> one.scoreSum() - one.actualPositive(), DeviceCounts::total))
            .estimate(),
        others.size() < DEVICES_MIN
            ? Optional.empty()
            : Optional.of(
                new Comparison(
                    rate.less(told(positiveRate(others)), z),
                    rate.over(told(positiveRate(others)), z),
                    recall.less(told(recall(others)), z),
                    accuracy.less(told(accuracy(others)), z))));
  }

  private static final Ratio UNTOLD = new Ratio(Double.NaN, Double.NaN, 0);

  private static Ratio told(Ratio ratio) {
    return Double.isNaN(ratio.error()) ? UNTOLD : ratio;
  }

  private static boolean has(List<DeviceCounts> devices, ToDoubleFunction<DeviceCounts> what) {
    return devices.stream().filter(one -> what.applyAsDouble(one) > 0).count() >= DEVICES_MIN;
  }

  private static Ratio positiveRate(List<DeviceCounts> devices) {
    return Ratio.of(devices, DeviceCounts::predictedPositive, DeviceCounts::total);
  }

  private static Ratio recall(List<DeviceCounts> devices) {
    return Ratio.of(devices, DeviceCounts::truePositives, DeviceCounts::actualPositive);
  }

  private static Ratio accuracy(List<DeviceCounts> devices) {
    return Ratio.of(devices, DeviceCounts::right, DeviceCounts::total);
  }

  // With the whole slice's shares of positives and negatives as weights it is one ratio.
  private static Ratio balancedAccuracy(List<DeviceCounts> devices) {
    double positives = devices.stream().mapToDouble(DeviceCounts::actualPositive).sum();
    double negatives = devices.stream().mapToDouble(DeviceCounts::actualNegative).sum();
    return Ratio.of(
        devices,
        one -> one.truePositives() / positives + one.trueNegatives() / negatives,
        one -> one.actualPositive() / positives + one.actualNegative() / negatives);
  }
}
