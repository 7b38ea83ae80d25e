package io.skerry.fleet.gate;

import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * Is the new version's accuracy worse than the old one's by more than the tolerance?
 *
 * <p>Each class is judged by itself, because one class is usually rare: its accuracy is taken per
 * device, and the device is the unit, so that many outcomes of one machine count as one opinion.
 *
 * <ul>
 *   <li>FAIL when, in a class, even the upper 99.5 % bound of the mean difference (Welch, over
 *       devices) is worse than the tolerance.
 *   <li>PASS when every class with its sample is, by the trimmed mean over devices (the best and
 *       the worst sixth left out), no worse than the tolerance. One unlucky machine near its
 *       threshold cannot hold a good version back; several can.
 *   <li>INCONCLUSIVE otherwise, NO_DATA when nothing is known of the new version.
 * </ul>
 *
 * <p>The comparison is with control devices at the same time; without any, with the accuracy that
 * the version's evaluation promised.
 */
public final class FeedbackGate {
  static final String NAME = "feedback";
  private static final double TRIMMED_SHARE = 1 / 6.0;

  private FeedbackGate() {}

  private enum OutcomeClass {
    NEGATIVE,
    POSITIVE;

    long count(DeviceFeedback device) {
      return this == NEGATIVE ? device.negatives() : device.positives();
    }

    long right(DeviceFeedback device) {
      return this == NEGATIVE ? device.negativesRight() : device.positivesRight();
    }

    String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Judges the new version.
   *
   * @param newer outcomes of the new version, one entry a device
   * @param older outcomes of the old version on concurrent control devices, one entry a device
   * @param promise accuracy within a class that the new version's evaluation promised
   */
  public static GateResult judge(
      Collection<DeviceFeedback> newer,
      Collection<DeviceFeedback> older,
      OptionalDouble promise,
      FeedbackLimits limits) {
    Map<String, Double> numbers = new TreeMap<>();
    StringBuilder reason = new StringBuilder();
    Verdict verdict = Verdict.NO_DATA;
    for (OutcomeClass side : OutcomeClass.values()) {
      Verdict one = judge(side, newer, older, promise, limits, numbers, reason);
      verdict = combined(verdict, one);
    }
    return new GateResult(
        NAME,
        GateResult.POOLED,
        verdict,
        reason.toString(),
        limits.required(),
        limits.action(),
        numbers);
  }

  // A class without its sample holds nothing back as long as the other one has it.
  private static Verdict combined(Verdict sofar, Verdict next) {
    return switch (next) {
      case FAIL -> Verdict.FAIL;
      case PASS -> sofar == Verdict.NO_DATA ? Verdict.PASS : sofar;
      case INCONCLUSIVE -> sofar == Verdict.FAIL ? sofar : Verdict.INCONCLUSIVE;
      case NO_DATA -> sofar;
    };
  }

  private static Verdict judge(
      OutcomeClass side,
      Collection<DeviceFeedback> newer,
      Collection<DeviceFeedback> older,
      OptionalDouble promise,
      FeedbackLimits limits,
      Map<String, Double> numbers,
      StringBuilder reason) {
    Accuracies now = Accuracies.of(side, newer, limits.deviceRecordsMin());
    Accuracies before = Accuracies.of(side, older, limits.deviceRecordsMin());
    String key = side.key();
    if (!reason.isEmpty()) {
      reason.append("; ");
    }
    numbers.put(key + ".records", (double) now.records);
    numbers.put(key + ".devices", (double) now.shares.length);
    if (now.records == 0) {
      reason.append("no %s outcome".formatted(key));
      return Verdict.NO_DATA;
    }
    if (now.records < limits.recordsMin() || now.shares.length < limits.devicesMin()) {
      reason.append(
          "%s: %d outcomes of %d devices, needs %d of %d"
              .formatted(
                  key, now.records, now.shares.length, limits.recordsMin(), limits.devicesMin()));
      // Few positives are the rule, not a sign: only the frequent class must have its sample.
      return side == OutcomeClass.POSITIVE ? Verdict.NO_DATA : Verdict.INCONCLUSIVE;
    }
    boolean control = before.shares.length >= limits.devicesMin();
    if (!control && promise.isEmpty()) {
      reason.append("%s: nothing to compare with".formatted(key));
      return Verdict.NO_DATA;
    }
    double reference = control ? before.mean() : promise.orElseThrow();
    double referenceTrimmed = control ? before.trimmedMean() : reference;
    double difference = now.mean() - reference;
    double trimmed = now.trimmedMean() - referenceTrimmed;
    double upper = difference + welchMargin(now, control ? before : Accuracies.NONE);
    numbers.put(key + ".accuracy", now.mean());
    numbers.put(key + ".reference", reference);
    numbers.put(key + ".difference", difference);
    numbers.put(key + ".differenceTrimmed", trimmed);
    numbers.put(key + ".differenceHigh", upper);
    numbers.put(key + ".controlDevices", (double) before.shares.length);
    reason.append(
        "%s accuracy %.3f against %.3f %s, difference %+.3f (at most %+.3f), tolerance -%.2f, %d outcomes of %d devices"
            .formatted(
                key,
                now.mean(),
                reference,
                control ? "on " + before.shares.length + " control devices" : "promised",
                difference,
                upper,
                limits.tolerance(),
                now.records,
                now.shares.length));
    if (upper < -limits.tolerance()) {
      return Verdict.FAIL;
    }
    return Math.max(difference, trimmed) >= -limits.tolerance()
        ? Verdict.PASS
        : Verdict.INCONCLUSIVE;
  }

  private static double welchMargin(Accuracies now, Accuracies before) {
    double a = now.meanVariance();
    double b = before.meanVariance();
    double freedom =
        (a + b)
            * (a + b)
            / (a * a / (now.shares.length - 1)
                + (before.shares.length > 1 ? b * b / (before.shares.length - 1) : 0));
    return StudentT.quantile995(freedom) * Math.sqrt(a + b);
  }

  private static final class Accuracies {
    static final Accuracies NONE = new Accuracies(new double[0], 0);
    // Half an error each way per device: a device that is always right still has a variance.
    private static final double PRIOR = .5;

    private final double[] shares;
    private final long records;

    private Accuracies(double[] shares, long records) {
      this.shares = shares;
      this.records = records;
    }

    static Accuracies of(OutcomeClass side, Collection<DeviceFeedback> all, long recordsMin) {
      long records = all.stream().mapToLong(side::count).sum();
      double[] shares =
          all.stream()
              .filter(device -> side.count(device) >= recordsMin)
              .mapToDouble(device -> (double) side.right(device) / side.count(device))
              .sorted()
              .toArray();
      return new Accuracies(shares, records);
    }

    double mean() {
      return Arrays.stream(shares).average().orElse(0);
    }

    double trimmedMean() {
      int cut = (int) Math.floor(shares.length * TRIMMED_SHARE);
      return Arrays.stream(shares, cut, shares.length - cut).average().orElse(0);
    }

    double meanVariance() {
      if (shares.length < 2) {
        return 0;
      }
      double mean = mean();
      double squares = 0;
      for (double share : shares) {
        squares += (share - mean) * (share - mean);
      }
      double within = PRIOR / Math.max(1, records);
      return (squares / (shares.length - 1) + within) / shares.length;
    }
  }
}
