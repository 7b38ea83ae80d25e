package io.skerry.fleet.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Is the new version worse than the old one at the same time by more than the tolerance?
 *
 * <ul>
 *   <li>FAIL when the confidence sequence of the harm lies above the tolerance.
 *   <li>PASS when it lies below; or, if the gate asks for no more, once the sample is there and no
 *       harm is shown.
 *   <li>INCONCLUSIVE while it holds the tolerance, NO_DATA when the new version was never seen.
 *       Where no harm needs to be ruled out an INCONCLUSIVE stage goes on, unless harm is likely.
 * </ul>
 *
 * <p>Each profile is judged by itself. One with fewer than {@link #PROFILE_DEVICES_MIN} devices
 * cannot hold a stage back, only stop it; it is part of the pooled verdict, which weighs the
 * profiles' differences by the new version's trials and is given when there are several profiles.
 * There the profiles that are too small to know how much their devices differ are one stratum.
 */
final class SequentialGate {
  /** Devices of one profile from which a stage waits for that profile's own verdict. */
  static final long PROFILE_DEVICES_MIN = 5;

  private SequentialGate() {}

  /**
   * Chances of error.
   *
   * @param falseAbort chance that this gate ever shows harm where there is none, on one profile
   * @param falsePass chance that it ever rules out harm that is there
   */
  record Risk(double falseAbort, double falsePass) {}

  private record Effect(double difference, double variance, double reference, boolean controls) {}

  static List<GateResult> judge(GateSpec spec, Evidence evidence, Risk risk) {
    List<GateResult> results = new ArrayList<>();
    List<Comparison> comparable = new ArrayList<>();
    boolean alone = evidence.profiles().size() == 1;
    evidence
        .profiles()
        .forEach(
            (profile, seen) -> {
              Comparison one = seen.of(spec.metric());
              comparable.add(one);
              // The only profile is the whole stage: it decides whatever its size.
              boolean counts = alone || devices(spec, one, seen) >= PROFILE_DEVICES_MIN;
              results.add(
                  judged(spec, profile.value(), one, effect(spec, one, evidence), risk, counts));
            });
    if (!alone) {
      results.addFirst(pooled(spec, comparable, evidence, risk));
    }
    return results;
  }

  // Where harm is to be ruled out, devices that tell everything but this are no reason to go on.
  private static long devices(GateSpec spec, Comparison one, Evidence.OfProfile seen) {
    return one.newer().devices() == 0 && spec.promote() == GateSpec.Promote.HARM_RULED_OUT
        ? seen.devices()
        : one.newer().devices();
  }

  private static Effect effect(GateSpec spec, Comparison seen, Evidence evidence) {
    ArmSums newer = seen.newer();
    if (seen.hasControls()) {
      return new Effect(
          newer.share() - seen.older().share(),
          newer.variance() + seen.older().variance(),
          seen.older().share(),
          true);
    }
    double reference =
        spec.metric() == Metric.ACCURACY ? evidence.promise().orElse(spec.limit()) : spec.limit();
    return new Effect(newer.share() - reference, newer.variance(), reference, false);
  }

  private static GateResult pooled(
      GateSpec spec, List<Comparison> all, Evidence evidence, Risk risk) {
    boolean controls = all.stream().anyMatch(Comparison::hasControls);
    List<Comparison> used =
        strata(
            all.stream()
                .filter(one -> one.newer().devices() > 0 && (one.hasControls() || !controls))
                .toList());
    double trials = used.stream().mapToDouble(one -> one.newer().trials()).sum();
    double difference = 0;
    double variance = 0;
    double reference = 0;
    for (Comparison one : used) {
      double weight = one.newer().trials() / trials;
      Effect effect = effect(spec, one, evidence);
      difference += weight * effect.difference();
      variance += weight * weight * effect.variance();
      reference += weight * effect.reference();
    }
    Comparison sum =
        new Comparison(
            sum(all.stream().map(Comparison::newer).toList()),
            sum(all.stream().map(Comparison::older).toList()));
    Effect effect =
        used.isEmpty()
            ? new Effect(0, Double.POSITIVE_INFINITY, 0, controls)
            : new Effect(difference, variance, reference, controls);
    return judged(spec, GateResult.POOLED, sum, effect, risk, true);
  }

  /**
   * What is compared by itself. Profiles too small to know how much their devices differ are one
   * stratum together; where larger ones are, and these are still too few, they are left out.
   */
  private static List<Comparison> strata(List<Comparison> profiles) {
    List<Comparison> large = profiles.stream().filter(one -> !isSmall(one)).toList();
    List<Comparison> small = profiles.stream().filter(SequentialGate::isSmall).toList();
    if (small.isEmpty()) {
      return large;
    }
    Comparison together = Comparison.collapsed(small);
    if (large.isEmpty()) {
      return List.of(together);
    }
    return isSmall(together) ? large : Stream.concat(large.stream(), Stream.of(together)).toList();
  }

  private static boolean isSmall(Comparison one) {
    return one.newer().devices() < PROFILE_DEVICES_MIN
        || (one.hasControls() && one.older().devices() < PROFILE_DEVICES_MIN);
  }

  private static ArmSums sum(List<ArmSums> arms) {
    return arms.stream().reduce(ArmSums.NONE, ArmSums::plus);
  }

  private static boolean required(
      GateSpec spec, Verdict verdict, Comparison seen, boolean leansToHarm, boolean decides) {
    if (!decides) {
      return false;
    }
    return switch (verdict) {
      case PASS, FAIL -> true;
      // Where nobody ever sends it there is nothing to wait for.
      case NO_DATA -> spec.metric().isEssential() || seen.hasControls();
      case INCONCLUSIVE ->
          spec.promote() == GateSpec.Promote.HARM_RULED_OUT
              || seen.newer().trials() < spec.trialsMin()
              || leansToHarm;
    };
  }

  // Harm that is likely, if not shown, is none to go on with: the estimate lies beyond the
  // tolerance
  // by more than its deviation.
  private static boolean leansToHarm(GateSpec spec, double harm, double variance) {
    return harm - spec.tolerance() > Math.sqrt(variance);
  }

  private static GateResult judged(
      GateSpec spec, String scope, Comparison seen, Effect effect, Risk risk, boolean decides) {
    ArmSums newer = seen.newer();
    String gate = spec.metric().wireName();
    if (newer.trials() == 0) {
      return new GateResult(
          gate,
          scope,
          Verdict.NO_DATA,
          "nothing was seen of the new version",
          required(spec, Verdict.NO_DATA, seen, false, decides),
          spec.action(),
          Map.of());
    }
    double harm = spec.harm(effect.difference());
    double abortRadius =
        MixtureSequence.radius(effect.variance(), spec.tolerance(), risk.falseAbort());
    double passRadius =
        MixtureSequence.radius(effect.variance(), spec.tolerance(), risk.falsePass());
    Verdict verdict = verdict(spec, newer, harm - abortRadius, harm + passRadius);
    Map<String, Double> numbers = new TreeMap<>();
    numbers.put("share", newer.share());
    numbers.put("trials", newer.trials());
    numbers.put("devices", (double) newer.devices());
    numbers.put("reference", effect.reference());
    numbers.put("controlTrials", seen.older().trials());
    numbers.put("controlDevices", (double) seen.older().devices());
    numbers.put("harm", harm);
    numbers.put("tolerance", spec.tolerance());
    if (Double.isFinite(effect.variance())) {
      numbers.put("low", harm - abortRadius);
      numbers.put("high", harm + passRadius);
      numbers.put("variance", effect.variance());
      numbers.put(
          "logEvidence",
          MixtureSequence.logEvidence(harm, spec.tolerance(), effect.variance(), spec.tolerance()));
    }
    return new GateResult(
        gate,
        scope,
        verdict,
        reason(spec, newer, seen, effect, harm, harm - abortRadius, harm + passRadius),
        required(spec, verdict, seen, leansToHarm(spec, harm, effect.variance()), decides),
        spec.action(),
        numbers);
  }

  private static Verdict verdict(GateSpec spec, ArmSums newer, double low, double high) {
    if (low > spec.tolerance()) {
      return Verdict.FAIL;
    }
    if (newer.trials() < spec.trialsMin()) {
      return Verdict.INCONCLUSIVE;
    }
    return high < spec.tolerance() ? Verdict.PASS : Verdict.INCONCLUSIVE;
  }

  private static String reason(
      GateSpec spec,
      ArmSums newer,
      Comparison seen,
      Effect effect,
      double harm,
      double low,
      double high) {
    String against =
        effect.controls()
            ? "%s on %d control devices"
                .formatted(percent(effect.reference()), seen.older().devices())
            : "%s %s"
                .formatted(
                    percent(effect.reference()),
                    spec.metric() == Metric.ACCURACY ? "promised" : "allowed");
    String text =
        "%s of %.0f on %d devices against %s"
            .formatted(percent(newer.share()), newer.trials(), newer.devices(), against);
    if (Double.isInfinite(effect.variance())) {
      return text + "; one device a side says nothing about differences between devices";
    }
    String needs =
        newer.trials() < spec.trialsMin() ? "; needs %d".formatted(spec.trialsMin()) : "";
    // Shares differ by 100 points at most: such an interval says nothing.
    if (low < -1 && high > 1) {
      return "%s; too little was seen to say what harm there is%s".formatted(text, needs);
    }
    return "%s; harm %s, between %s and %s, tolerance %s%s"
        .formatted(
            text,
            points(harm),
            points(Math.max(-1, low)),
            points(Math.min(1, high)),
            points(spec.tolerance()),
            needs);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f%%", 100 * share);
  }

  private static String points(double harm) {
    return String.format(Locale.ROOT, "%+.2f points", 100 * harm);
  }
}
