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
  /** Times closer than this are the same: then the one nearer to the float model ships. */
  private static final double SAME_TIME = 1.05;

  /**
   * What became of a candidate.
   *
   * @param reason one line
   */
  public record Verdict(Measured measured, boolean winner, String reason) {}

  private final double maxDrop;
  private final long bytesMax;

  private Choice(double maxDrop, long bytesMax) {
    this.maxDrop = maxDrop;
    this.bytesMax = bytesMax;
  }

  /**
   * Decides.
   *
   * @param candidates in the profile's order
   * @param maxDrop how much a candidate may lose
   * @param bytesMax what the profile's memory allows
   * @return one verdict per candidate, in the same order; no winner when none is good enough
   */
  public static List<Verdict> among(List<Measured> candidates, double maxDrop, long bytesMax) {
    Choice choice = new Choice(maxDrop, bytesMax);
    List<Measured> fit =
        candidates.stream().filter(measured -> choice.refusal(measured).isEmpty()).toList();
    List<Measured> timed = fit.stream().filter(m -> m.timing().isPresent()).toList();
    Optional<Measured> winner = timed.isEmpty() ? fit.stream().findFirst() : best(timed);
    return candidates.stream()
        .map(
            measured ->
                new Verdict(
                    measured,
                    winner.filter(measured::equals).isPresent(),
                    choice
                        .refusal(measured)
                        .orElseGet(() -> reason(measured, winner.orElseThrow()))))
        .toList();
  }

  private static Optional<Measured> best(List<Measured> timed) {
    double fastest = timed.stream().mapToDouble(Choice::micros).min().orElse(0);
    return timed.stream()
        .filter(measured -> micros(measured) <= fastest * SAME_TIME)
        .max(
            Comparator.comparingDouble((Measured m) -> m.quality().orElseThrow().signalToNoise())
                .thenComparing(Comparator.comparingDouble(Choice::micros).reversed()));
  }

  private static double micros(Measured measured) {
    return measured.timing().orElseThrow().p50Micros();
  }

  private Optional<String> refusal(Measured measured) {
    if (measured.failure().isPresent() || measured.quality().isEmpty()) {
      return Optional.of(measured.failure().orElse("not measured"));
    }
    Optional<String> loss = loss(measured.quality().orElseThrow(), "");
    if (loss.isPresent()) {
      return loss;
    }
    if (measured.proof() instanceof Proof.Emulated(String by, Quality quality)) {
      Optional<String> emulated = loss(quality, " under " + by);
      if (emulated.isPresent()) {
        return emulated;
      }
    }
    long memory = measured.timing().map(Timing::peakMemoryBytes).orElse(0L);
    long bytes = Math.max(memory, measured.bytes());
    if (bytes > bytesMax) {
      return Optional.of("takes %d bytes, the profile allows %d".formatted(bytes, bytesMax));
    }
    return Optional.empty();
  }

  private Optional<String> loss(Quality quality, String where) {
    // Few items move in large steps: one more flip than the budget is no proof of a loss.
    boolean withinNoise =
        quality.differenceInterval().high() >= 0
            && quality.loss() <= maxDrop + 1.0 / quality.items();
    if (quality.loss() <= maxDrop || (!where.isEmpty() && withinNoise)) {
      return Optional.empty();
    }
    return Optional.of(
        String.format(
            Locale.ROOT,
            "loses %.4f of the metric%s, %.4f is allowed",
            quality.loss(),
            where,
            maxDrop));
  }

  private static String reason(Measured measured, Measured winner) {
    if (measured.equals(winner)) {
      return winner.timing().isPresent()
          ? "fastest that keeps the metric"
          : "first of the profile's order that keeps the metric; no machine of the profile at hand";
    }
    if (winner.timing().isEmpty()) {
      return "later in the profile's order";
    }
    return measured.timing().isEmpty()
        ? "not timed where others were"
        : String.format(
            Locale.ROOT, "%.2f times the winner's time", micros(measured) / micros(winner));
  }
}
