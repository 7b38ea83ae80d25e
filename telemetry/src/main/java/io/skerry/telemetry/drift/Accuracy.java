package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * Accuracy of scores whose outcomes are known, with intervals over devices.
 *
 * <p>Positives are rare, so plain accuracy says little: balanced accuracy is the mean of the
 * accuracies within each class, PR AUC the average precision. Intervals leave out one device at a
 * time (jackknife, 95 %), because outcomes of one device are alike.
 *
 * @param balanced balanced accuracy
 * @param prAuc area under the precision-recall curve
 * @param outcomes in all
 * @param positives of them
 * @param devices they came from
 */
public record Accuracy(
    Estimate balanced, Estimate prAuc, long outcomes, long positives, int devices) {
  private static final double Z = 1.96;

  /** A value with its 95 % interval. */
  public record Estimate(double value, double low, double high) {
    double halfWidth() {
      return (high - low) / 2;
    }
  }

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
    Map<String, List<Outcome>> byDevice = new LinkedHashMap<>();
    outcomes.stream()
        .sorted(Comparator.comparing(outcome -> outcome.device().value()))
        .forEach(
            outcome ->
                byDevice
                    .computeIfAbsent(outcome.device().value(), id -> new ArrayList<>())
                    .add(outcome));
    return Optional.of(
        new Accuracy(
            jackknife(byDevice, some -> balanced(some, threshold)),
            jackknife(byDevice, Accuracy::averagePrecision),
            outcomes.size(),
            positives,
            byDevice.size()));
  }

  /**
   * Whether this is worse than another accuracy by more than a tolerance, beyond the uncertainty of
   * both.
   */
  public boolean isWorseThan(Accuracy before, double tolerance) {
    double uncertainty = Math.hypot(balanced.halfWidth(), before.balanced.halfWidth());
    return before.balanced.value() - balanced.value() - uncertainty > tolerance;
  }

  private static Estimate jackknife(
      Map<String, List<Outcome>> byDevice, ToDoubleFunction<List<Outcome>> statistic) {
    List<Outcome> all = byDevice.values().stream().flatMap(List::stream).toList();
    double value = statistic.applyAsDouble(all);
    List<Double> leftOut = new ArrayList<>();
    for (String device : byDevice.keySet()) {
      double without =
          statistic.applyAsDouble(
              all.stream().filter(outcome -> !outcome.device().value().equals(device)).toList());
      if (Double.isFinite(without)) {
        leftOut.add(without);
      }
    }
    int n = leftOut.size();
    if (n < 2) {
      return new Estimate(value, 0, 1);
    }
    double mean = leftOut.stream().mapToDouble(Double::doubleValue).average().orElse(value);
    double squares = leftOut.stream().mapToDouble(one -> (one - mean) * (one - mean)).sum();
    double half = Z * Math.sqrt(squares * (n - 1) / n);
    return new Estimate(value, Math.max(0, value - half), Math.min(1, value + half));
  }

  private static double balanced(List<Outcome> outcomes, double threshold) {
    long positives = 0;
    long positivesRight = 0;
    long negativesRight = 0;
    for (Outcome outcome : outcomes) {
      boolean predicted = outcome.score() >= threshold;
      if (outcome.positive()) {
        positives++;
        positivesRight += predicted ? 1 : 0;
      } else {
        negativesRight += predicted ? 0 : 1;
      }
    }
    long negatives = outcomes.size() - positives;
    return positives == 0 || negatives == 0
        ? Double.NaN
        : ((double) positivesRight / positives + (double) negativesRight / negatives) / 2;
  }

  // Equal scores are taken together, so that the order of the records does not matter.
  private static double averagePrecision(List<Outcome> outcomes) {
    List<Outcome> ranked =
        outcomes.stream().sorted(Comparator.comparingDouble(Outcome::score).reversed()).toList();
    long positives = ranked.stream().filter(Outcome::positive).count();
    if (positives == 0) {
      return Double.NaN;
    }
    double area = 0;
    long hits = 0;
    int at = 0;
    while (at < ranked.size()) {
      double score = ranked.get(at).score();
      long hitsBefore = hits;
      while (at < ranked.size() && ranked.get(at).score() == score) {
        hits += ranked.get(at).positive() ? 1 : 0;
        at++;
      }
      area += (double) (hits - hitsBefore) / positives * hits / at;
    }
    return area;
  }
}
