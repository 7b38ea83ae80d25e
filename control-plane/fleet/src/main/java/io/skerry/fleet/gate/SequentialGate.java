package io.skerry.fleet.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

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
 * <p>Each profile is judged by itself, against its own control devices or, where those are too few,
 * against the limit. One with fewer than {@link #PROFILE_DEVICES_MIN} devices cannot hold a stage
 * back, only stop it; it is part of the pooled verdict, which is given when there are several
 * profiles and weighs their differences by the new version's trials.
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

  static List<GateResult> judge(GateSpec spec, Evidence evidence, Risk risk) {
    List<GateResult> results = new ArrayList<>();
    List<Comparison> all = new ArrayList<>();
    OptionalDouble reference = spec.reference(evidence.promise());
    boolean alone = evidence.profiles().size() == 1;
    evidence
        .profiles()
        .forEach(
            (profile, seen) -> {
              Comparison one = seen.of(spec.metric());
              all.add(one);
              // The only profile is the whole stage: it decides whatever its size.
              boolean counts = alone || devices(spec, one, seen) >= PROFILE_DEVICES_MIN;
              results.add(judged(spec, profile.value(), one, effect(one, reference), risk, counts));
            });
    if (!alone) {
      Comparison sum =
          new Comparison(
              Effect.sum(all.stream().map(Comparison::newer).toList()),
              Effect.sum(all.stream().map(Comparison::older).toList()));
      results.addFirst(judged(spec, GateResult.POOLED, sum, pooled(all, reference), risk, true));
    }
    return results;
  }

  // Where harm is to be ruled out, devices that tell everything but this are no reason to go on.
  private static long devices(GateSpec spec, Comparison one, Evidence.OfProfile seen) {
    return spec.promote() == GateSpec.Promote.HARM_RULED_OUT
        ? seen.devices()
        : one.newer().devices();
  }

  // Empty: nothing to compare with.
  private static Optional<Effect> effect(Comparison seen, OptionalDouble reference) {
    if (seen.isComparable()) {
      return Optional.of(Effect.ofControls(seen));
    }
    return reference.isPresent()
        ? Optional.of(Effect.ofLimit(seen.newer(), reference.getAsDouble()))
        : Optional.empty();
  }

  /** The difference over all profiles that run the new version; empty: nothing to compare with. */
  static Optional<Effect> pooled(List<Comparison> all, OptionalDouble reference) {
    List<Comparison> running = all.stream().filter(one -> one.newer().devices() > 0).toList();
    List<Comparison> comparable = running.stream().filter(Comparison::isComparable).toList();
    boolean mostly = 2 * trials(comparable) >= trials(running);
    if (!comparable.isEmpty() && (mostly || reference.isEmpty())) {
      return Optional.of(Effect.ofControls(comparable));
    }
    return reference.isPresent()
        ? Optional.of(Effect.ofLimit(running, reference.getAsDouble()))
        : Optional.empty();
  }

  private static double trials(List<Comparison> profiles) {
    return profiles.stream().mapToDouble(one -> one.newer().trials()).sum();
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

  // Harm that is likely, if not shown, is none to go on with.
  private static boolean leansToHarm(GateSpec spec, Effect effect) {
    return spec.harm(effect.difference()) - spec.tolerance() > Math.sqrt(effect.spread());
  }

  private static GateResult judged(
      GateSpec spec,
      String scope,
      Comparison seen,
      Optional<Effect> known,
      Risk risk,
      boolean decides) {
    if (seen.newer().trials() == 0) {
      return new GateResult(
          spec.metric().wireName(),
          scope,
          Verdict.NO_DATA,
          "nothing was seen of the new version",
          required(spec, Verdict.NO_DATA, seen, false, decides),
          spec.action(),
          Map.of());
    }
    return known
        .map(effect -> judged(spec, scope, seen, effect, risk, decides))
        .orElseGet(
            () ->
                new GateResult(
                    spec.metric().wireName(),
                    scope,
                    Verdict.INCONCLUSIVE,
                    "%s, and too few control devices to compare with".formatted(counts(seen)),
                    false,
                    spec.action(),
                    Map.of()));
  }

  private static GateResult judged(
      GateSpec spec, String scope, Comparison seen, Effect effect, Risk risk, boolean decides) {
    ArmSums newer = seen.newer();
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
        spec.metric().wireName(),
        scope,
        verdict,
        reason(spec, newer, seen, effect, harm, harm - abortRadius, harm + passRadius),
        required(spec, verdict, seen, leansToHarm(spec, effect), decides),
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
    String text = "%s against %s".formatted(counts(seen), against);
    if (Double.isInfinite(effect.variance())) {
      return text + "; one device says nothing about differences between devices";
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

  private static String counts(Comparison seen) {
    ArmSums newer = seen.newer();
    return "%s of %.0f on %d devices"
        .formatted(percent(newer.share()), newer.trials(), newer.devices());
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f%%", 100 * share);
  }

  private static String points(double harm) {
    return String.format(Locale.ROOT, "%+.2f points", 100 * harm);
  }
}
