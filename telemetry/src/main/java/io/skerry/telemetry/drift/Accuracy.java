package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * Accuracy of scores whose outcomes are known, with intervals over devices.
 *
 * <p>Positives are rare, so plain accuracy says little: balanced accuracy is the mean of the
 * accuracies within each class, PR AUC the average precision. Each outcome weighs one over the
 * probability with which it was chosen to become known (Hajek), so that oversampled anomalies do
 * not understate accuracy. Intervals leave out one group of devices at a time (jackknife, 95 %),
 * because outcomes of one device are alike; one that floods counts for four others at most ({@link
 * DeviceShare}).
 *
 * @param balanced balanced accuracy
 * @param prAuc area under the precision-recall curve; not known, 0 to 1, with more than two classes
 * @param outcomes in all
 * @param positives of them; with more than two classes those that are not of the most frequent one
 * @param devices they came from
 */
public record Accuracy(
    Estimate balanced, Estimate prAuc, long outcomes, long positives, int devices) {
  private static final double Z = 1.96;

  // More than enough for an interval; one group a device would cost a pass over all outcomes each.
  private static final int GROUPS_MAX = 64;

  private static final int CLASS_DEVICES_MIN = 3;

  /**
   * The accuracy of these outcomes at a threshold; empty unless both classes were seen.
   *
   * @param threshold a score of at least this predicts a positive
   */
  public static Optional<Accuracy> of(Collection<Outcome> outcomes, double threshold) {
    long positives = outcomes.stream().filter(Outcome::positive).count();
    if (positives == 0 || positives == outcomes.size()) {
      return Optional.empty();
    }
    Map<String, Double> shares =
        DeviceShare.shares(outcomes, one -> one.device().value(), Outcome::weight);
    Map<String, List<Weighed>> byDevice = new TreeMap<>();
    outcomes.forEach(
        one -> {
          String device = one.device().value();
          double weight = one.weight() * shares.getOrDefault(device, 1.0);
          byDevice
              .computeIfAbsent(device, id -> new ArrayList<>())
              .add(new Weighed(one.score(), one.positive(), weight));
        });
    return Optional.of(
        new Accuracy(
            jackknife(byDevice, some -> balanced(some, threshold)),
            jackknife(byDevice, Accuracy::averagePrecision),
            outcomes.size(),
            positives,
            byDevice.size()));
  }

  private record Weighed(double score, boolean positive, double weight) {}

  /**
   * One outcome of a model that names one of several classes.
   *
   * @param predicted from 0
   * @param actual from 0
   * @param weight one over the probability with which it was chosen to become known
   */
  public record OfClass(DeviceId device, int predicted, int actual, double weight) {
    OfClass times(double share) {
      return share < 1 ? new OfClass(device, predicted, actual, weight * share) : this;
    }
  }

  /**
   * The classes by which accuracies of two spans can be compared: those that at least {@value
   * #CLASS_DEVICES_MIN} devices told of in both. A class that only one span knows would change the
   * mean over classes although no class got worse, and a single device may say what it likes.
   */
  public static Set<Integer> comparable(Collection<OfClass> before, Collection<OfClass> since) {
    Set<Integer> both = toldOf(before);
    both.retainAll(toldOf(since));
    return both;
  }

  private static Set<Integer> toldOf(Collection<OfClass> outcomes) {
    Map<Integer, Set<DeviceId>> devices = new TreeMap<>();
    outcomes.forEach(
        one -> devices.computeIfAbsent(one.actual(), of -> new HashSet<>()).add(one.device()));
    devices.values().removeIf(tellers -> tellers.size() < CLASS_DEVICES_MIN);
    return new TreeSet<>(devices.keySet());
  }

  /**
   * The accuracy of a model with any number of classes: the mean of the accuracies within each of
   * these. Empty unless two of them were seen.
   *
   * @param outcomes of other classes are left out
   */
  public static Optional<Accuracy> ofClasses(Collection<OfClass> outcomes, Set<Integer> classes) {
    List<OfClass> counted =
        outcomes.stream().filter(one -> classes.contains(one.actual())).toList();
    Map<Integer, Long> seen =
        counted.stream()
            .collect(Collectors.groupingBy(OfClass::actual, TreeMap::new, Collectors.counting()));
    if (seen.size() < 2) {
      return Optional.empty();
    }
    Map<String, Double> shares =
        DeviceShare.shares(counted, one -> one.device().value(), OfClass::weight);
    Map<String, List<OfClass>> byDevice = new TreeMap<>();
    counted.forEach(
        outcome -> {
          String device = outcome.device().value();
          byDevice
              .computeIfAbsent(device, id -> new ArrayList<>())
              .add(outcome.times(shares.getOrDefault(device, 1.0)));
        });
    long mostFrequent = seen.values().stream().mapToLong(Long::longValue).max().orElse(0);
    return Optional.of(
        new Accuracy(
            jackknife(byDevice, some -> balanced(some, seen.keySet())),
            new Estimate(0, 0, 1),
            counted.size(),
            counted.size() - mostFrequent,
            byDevice.size()));
  }

  private static double balanced(List<OfClass> outcomes, Set<Integer> classes) {
    Map<Integer, double[]> sums = new TreeMap<>();
    for (OfClass outcome : outcomes) {
      double[] sum = sums.computeIfAbsent(outcome.actual(), of -> new double[2]);
      sum[0] += outcome.predicted() == outcome.actual() ? outcome.weight() : 0;
      sum[1] += outcome.weight();
    }
    return sums.size() < classes.size()
        ? Double.NaN
        : sums.values().stream().mapToDouble(sum -> sum[0] / sum[1]).average().orElse(Double.NaN);
  }

  /**
   * Whether this is worse than another accuracy by more than a tolerance, beyond the uncertainty of
   * both.
   */
  public boolean isWorseThan(Accuracy before, double tolerance) {
    double uncertainty = Math.hypot(balanced.halfWidth(), before.balanced.halfWidth());
    return before.balanced.value() - balanced.value() - uncertainty > tolerance;
  }

  private static <T> Estimate jackknife(
      Map<String, List<T>> byDevice, ToDoubleFunction<List<T>> statistic) {
    List<T> all = byDevice.values().stream().flatMap(List::stream).toList();
    double value = statistic.applyAsDouble(all);
    int groups = Math.min(GROUPS_MAX, byDevice.size());
    List<List<T>> without = new ArrayList<>();
    for (int group = 0; group < groups; group++) {
      without.add(new ArrayList<>());
    }
    int index = 0;
    for (List<T> device : byDevice.values()) {
      for (int group = 0; group < groups; group++) {
        if (index % groups != group) {
          without.get(group).addAll(device);
        }
      }
      index++;
    }
    double[] leftOut = without.stream().mapToDouble(statistic).toArray();
    int n = leftOut.length;
    // Where all of a class comes from those left out, nothing is known of how it differs.
    if (n < 2 || !Arrays.stream(leftOut).allMatch(Double::isFinite)) {
      return new Estimate(value, 0, 1);
    }
    double mean = Arrays.stream(leftOut).average().orElse(value);
    double squares = Arrays.stream(leftOut).map(one -> (one - mean) * (one - mean)).sum();
    double half = Z * Math.sqrt(squares * (n - 1) / n);
    return new Estimate(value, Math.max(0, value - half), Math.min(1, value + half));
  }

  private static double balanced(List<Weighed> outcomes, double threshold) {
    double positives = 0;
    double negatives = 0;
    double positivesRight = 0;
    double negativesRight = 0;
    for (Weighed outcome : outcomes) {
      boolean predicted = outcome.score() >= threshold;
      double weight = outcome.weight();
      if (outcome.positive()) {
        positives += weight;
        positivesRight += predicted ? weight : 0;
      } else {
        negatives += weight;
        negativesRight += predicted ? 0 : weight;
      }
    }
    return positives == 0 || negatives == 0
        ? Double.NaN
        : (positivesRight / positives + negativesRight / negatives) / 2;
  }

  // Equal scores are taken together, so that the order of the records does not matter.
  private static double averagePrecision(List<Weighed> outcomes) {
    List<Weighed> ranked =
        outcomes.stream().sorted(Comparator.comparingDouble(Weighed::score).reversed()).toList();
    double positives = ranked.stream().filter(Weighed::positive).mapToDouble(Weighed::weight).sum();
    if (positives == 0) {
      return Double.NaN;
    }
    double area = 0;
    double hits = 0;
    double seen = 0;
    int at = 0;
    while (at < ranked.size()) {
      double score = ranked.get(at).score();
      double hitsBefore = hits;
      while (at < ranked.size() && ranked.get(at).score() == score) {
        hits += ranked.get(at).positive() ? ranked.get(at).weight() : 0;
        seen += ranked.get(at).weight();
        at++;
      }
      area += (hits - hitsBefore) / positives * hits / seen;
    }
    return area;
  }
}
