package io.skerry.packager.measure;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Which candidate of a profile ships: the fastest that keeps the metric and fits memory; where none
 * could be timed, the first in the profile's order that does.
 */
public final class Choice {
  /**
   * What became of a candidate.
   *
   * @param reason one line
   */
  public record Verdict(Measured measured, boolean winner, String reason) {}

  private Choice() {}

  /**
   * Decides.
   *
   * @param candidates in the profile's order
   * @param floatMetric the float model's metric
   * @param maxDrop how much less than that a candidate's metric may be
   * @param bytesMax what the profile's memory allows
   * @return one verdict per candidate, in the same order; no winner when none is good enough
   */
  public static List<Verdict> among(
      List<Measured> candidates, double floatMetric, double maxDrop, long bytesMax) {
    List<Measured> fit =
        candidates.stream()
            .filter(measured -> refusal(measured, floatMetric, maxDrop, bytesMax).isEmpty())
            .toList();
    boolean timed = fit.stream().allMatch(measured -> measured.p50Micros().isPresent());
    Optional<Measured> winner =
        timed
            ? fit.stream().min(Comparator.comparingDouble(m -> m.p50Micros().orElseThrow()))
            : fit.stream().findFirst();
    return candidates.stream()
        .map(
            measured ->
                new Verdict(
                    measured,
                    winner.filter(measured::equals).isPresent(),
                    refusal(measured, floatMetric, maxDrop, bytesMax)
                        .orElseGet(() -> reason(measured, winner.orElseThrow(), timed))))
        .toList();
  }

  private static Optional<String> refusal(
      Measured measured, double floatMetric, double maxDrop, long bytesMax) {
    if (measured.failure().isPresent() || measured.metric().isEmpty()) {
      return Optional.of(measured.failure().orElse("not measured"));
    }
    double drop = floatMetric - measured.metric().orElseThrow();
    if (!(drop <= maxDrop)) {
      return Optional.of(
          String.format(Locale.ROOT, "loses %.4f of the metric, %.4f is allowed", drop, maxDrop));
    }
    if (measured.bytes() > bytesMax) {
      return Optional.of(
          "has %d bytes, the profile allows %d".formatted(measured.bytes(), bytesMax));
    }
    return Optional.empty();
  }

  private static String reason(Measured measured, Measured winner, boolean timed) {
    if (measured.equals(winner)) {
      return timed
          ? "fastest that keeps the metric"
          : "first of the profile's order that keeps the metric; no machine of the profile at hand";
    }
    return timed
        ? String.format(
            Locale.ROOT,
            "%.2f times the winner's time",
            measured.p50Micros().orElseThrow() / winner.p50Micros().orElseThrow())
        : "later in the profile's order";
  }
}
