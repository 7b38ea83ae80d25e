package io.skerry.packager.measure;

import io.skerry.profile.Precision;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Which candidate of a profile ships: the fastest that keeps the metric and fits memory; where none
 * could be timed, or not both floats and int8, the first in the profile's order that does. Integers
 * that are slower than such a float never ship.
 */
public final class Choice {
  /** Times closer than this are the same: then the one nearer to the float model ships. */
  private static final double SAME_TIME = 1.05;

  private static final double FOREVER = Double.POSITIVE_INFINITY;

  private static final String NOT_TIMED = "no machine of the profile at hand";
  private static final String NOT_COMPARED =
      "times decide nothing until floats and int8 are timed on the same device: give the reports of 'skerry agent bench --report' there";

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
   * @param candidates in the profile's order; their times must be of one machine
   * @param maxDrop how much a candidate may lose
   * @param bytesMax what the profile's memory allows
   * @return one verdict per candidate, in the same order; no winner when none is good enough
   */
  public static List<Verdict> among(List<Measured> candidates, double maxDrop, long bytesMax) {
    Choice choice = new Choice(maxDrop, bytesMax);
    List<Measured> fit =
        candidates.stream().filter(measured -> choice.refusal(measured).isEmpty()).toList();
    List<Measured> timed = fit.stream().filter(m -> m.timing().isPresent()).toList();
    double floats =
        timed.stream().filter(Choice::isFloat).mapToDouble(Choice::micros).min().orElse(FOREVER);
    boolean decides = !timed.isEmpty() && areCompared(fit);
    List<Measured> unbeaten = fit.stream().filter(m -> !isSlower(m, floats)).toList();
    Optional<Measured> winner = decides ? best(unbeaten) : unbeaten.stream().findFirst();
    String unless = decides || timed.isEmpty() ? NOT_TIMED : NOT_COMPARED;
    return candidates.stream()
        .map(
            measured ->
                new Verdict(
                    measured,
                    winner.filter(measured::equals).isPresent(),
                    choice
                        .refusal(measured)
                        .orElseGet(
                            () -> reason(measured, winner.orElseThrow(), floats, decides, unless))))
        .toList();
  }

  private static boolean isFloat(Measured measured) {
    return is(measured, Precision.FP32) || is(measured, Precision.FP16);
  }

  /** Not even within the noise of the clock: its accuracy is no reason to prefer integers. */
  private static boolean isSlower(Measured measured, double floats) {
    return !isFloat(measured) && measured.timing().isPresent() && micros(measured) > floats;
  }

  /** Whether times say which of floats and integers is faster: there is one of each at least. */
  private static boolean areCompared(List<Measured> fit) {
    boolean floats =
        isTimed(fit, Precision.FP32)
            && (isTimed(fit, Precision.FP16) || fit.stream().anyMatch(m -> is(m, Precision.FP32)));
    return floats && isTimed(fit, Precision.INT8);
  }

  /** Whether one of this precision has a time, if there is one of this precision. */
  private static boolean isTimed(List<Measured> fit, Precision precision) {
    List<Measured> such = fit.stream().filter(m -> is(m, precision)).toList();
    return such.isEmpty() || such.stream().anyMatch(m -> m.timing().isPresent());
  }

  private static boolean is(Measured measured, Precision precision) {
    return measured.candidate().precision() == precision;
  }

  private static Optional<Measured> best(List<Measured> unbeaten) {
    List<Measured> timed = unbeaten.stream().filter(m -> m.timing().isPresent()).toList();
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
    boolean seen = measured.measuredMemoryBytes().isPresent();
    long memory = measured.measuredMemoryBytes().orElse(measured.estimatedMemoryBytes().orElse(0L));
    long bytes = Math.max(memory, measured.bytes());
    if (bytes > bytesMax) {
      return Optional.of(
          "takes %d bytes%s, the profile allows %d"
              .formatted(bytes, seen || bytes > memory ? "" : " by estimate", bytesMax));
    }
    return Optional.empty();
  }

  private Optional<String> loss(Quality quality, String where) {
    if (where.isEmpty() ? quality.keeps(maxDrop) : quality.keepsWithinNoise(maxDrop)) {
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

  private static String reason(
      Measured measured, Measured winner, double floats, boolean decides, String unless) {
    if (isSlower(measured, floats)) {
      return String.format(
          Locale.ROOT,
          "%.2f times the time of a float that keeps the metric",
          micros(measured) / floats);
    }
    return decides ? timedReason(measured, winner) : untimedReason(measured, winner, unless);
  }

  private static String untimedReason(Measured measured, Measured winner, String unless) {
    return measured.equals(winner)
        ? "first of the profile's order that keeps the metric; " + unless
        : "later in the profile's order";
  }

  private static String timedReason(Measured measured, Measured winner) {
    if (measured.equals(winner)) {
      return "fastest that keeps the metric";
    }
    return measured.timing().isEmpty()
        ? "not timed where others were"
        : String.format(
            Locale.ROOT, "%.2f times the winner's time", micros(measured) / micros(winner));
  }
}
