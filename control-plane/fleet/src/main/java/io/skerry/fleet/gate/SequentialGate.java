package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Is the new version worse than the old one at the same time by more than the tolerance?
 *
 * <ul>
 *   <li>FAIL when the confidence sequence of the harm lies above the tolerance.
 *   <li>PASS when it lies below.
 *   <li>INCONCLUSIVE while it holds the tolerance, NO_DATA when the new version was never seen.
 *       Where no harm needs to be ruled out an INCONCLUSIVE stage goes on, unless harm is likely.
 * </ul>
 *
 * <p>Each profile is judged by itself, against its own control devices or, for what few of those
 * leave open, against the limit. One with fewer than {@link #PROFILE_DEVICES_MIN} devices cannot
 * hold a stage back, only stop it; it is part of the pooled verdict, which is given when there are
 * several profiles and weighs their differences by the new version's trials.
 */
final class SequentialGate {
  /** Devices of one profile from which a stage waits for that profile's own verdict. */
  static final long PROFILE_DEVICES_MIN = 5;

  private SequentialGate() {}

  /**
   * Chances of error, and what is at stake.
   *
   * @param falseAbort chance that this gate ever shows harm where there is none, on one profile
   * @param falsePass chance that it ever rules out harm that is there
   * @param replaces whether there is a version before
   * @param capped whether a profile of which few tell is not good, however good those are
   * @param trial whether each device is its own control, but for its process
   */
  record Risk(
      double falseAbort, double falsePass, boolean replaces, boolean capped, boolean trial) {}

  /**
   * The pooled verdict if there are several profiles, then each profile's.
   *
   * @param running devices with the new version, by profile; absent is none
   */
  static List<GateResult> judge(
      GateSpec spec, Evidence evidence, Map<ProfileId, Long> running, Risk risk) {
    List<GateResult> results = new ArrayList<>();
    List<Comparison> all = new ArrayList<>();
    List<Comparison> untold = new ArrayList<>();
    boolean alone = evidence.profiles().size() == 1;
    evidence
        .profiles()
        .forEach(
            (profile, seen) -> {
              Comparison one = seen.of(spec.metric());
              all.add(one);
              untold.add(seen.untold(spec.metric()));
              // The only profile is the whole stage: it decides whatever its size.
              boolean counts =
                  alone
                      || one.newer().devices() >= PROFILE_DEVICES_MIN
                      || isSilent(spec, seen, running.getOrDefault(profile, 0L), risk);
              GateResult result =
                  judged(
                      spec,
                      profile.value(),
                      spec.basis(List.of(one), evidence.promise()),
                      seen.untold(spec.metric()),
                      risk,
                      counts);
              long of = running.getOrDefault(profile, 0L);
              boolean few = risk.capped() && isToldByFew(spec, seen, of, risk);
              results.add(few ? capped(result, one.newer().devices(), of) : result);
            });
    if (!alone) {
      results.addFirst(
          judged(
              spec,
              GateResult.POOLED,
              spec.basis(all, evidence.promise()),
              Comparison.sum(untold),
              risk,
              true));
    }
    return results;
  }

  // Where harm is to be ruled out, devices that ought to tell of it and do not are no reason to go
  // on. As many ought to as do of the controls; all, if nothing can go without it.
  private static boolean isSilent(GateSpec spec, Evidence.OfProfile seen, long running, Risk risk) {
    if (spec.promote() != GateSpec.Promote.HARM_RULED_OUT) {
      return false;
    }
    Comparison one = seen.of(spec.metric());
    long controls = seen.controls(risk.trial());
    double share = spec.metric().isEssential() ? 1 : controls == 0 ? 0 : share(one, controls);
    double expected = share * running;
    return expected >= PROFILE_DEVICES_MIN && 2 * one.newer().devices() < expected;
  }

  // The same of how good it is: those that are silent may be so for the version's fault. Devices
  // that idle are as many among the controls.
  private static boolean isToldByFew(
      GateSpec spec, Evidence.OfProfile seen, long running, Risk risk) {
    long controls = seen.controls(risk.trial());
    if (spec.promote() != GateSpec.Promote.HARM_RULED_OUT || controls == 0) {
      return isSilent(spec, seen, running, risk);
    }
    Comparison one = seen.of(spec.metric());
    double expected = running * share(one, controls);
    return expected >= PROFILE_DEVICES_MIN && 2 * one.newer().devices() < expected;
  }

  // On trial untouched devices tell of their process, which are more than there are controls.
  private static double share(Comparison one, long controls) {
    return Math.min(1, (double) one.older().devices() / controls);
  }

  private static GateResult capped(GateResult result, long tell, long running) {
    return result.verdict() != Verdict.PASS
        ? result
        : new GateResult(
            result.gate(),
            result.scope(),
            Verdict.INCONCLUSIVE,
            "%s; of %d devices that run the version only %d tell: see what became of the others"
                .formatted(result.reason(), running, tell),
            true,
            result.action(),
            result.numbers());
  }

  // Harm that is likely, if not shown, is none to go on with.
  private static boolean leansToHarm(GateSpec spec, Opinion opinion) {
    Effect effect = opinion.effect();
    return spec.harm(effect.difference()) - spec.tolerance() > Math.sqrt(effect.spread());
  }

  private record Opinion(
      Comparison seen,
      Effect effect,
      Verdict verdict,
      double low,
      double high,
      boolean waits,
      String remark) {
    Opinion withheld() {
      return new Opinion(
          seen,
          effect,
          Verdict.INCONCLUSIVE,
          low,
          high,
          waits,
          "; whether the version before keeps that is not known");
    }
  }

  private static GateResult judged(
      GateSpec spec, String scope, Basis basis, Comparison untold, Risk risk, boolean decides) {
    GateResult result = judged(spec, scope, basis, risk, decides);
    return untold.newer().devices() + untold.older().devices() == 0
        ? result
        : withUntold(result, untold);
  }

  // Windows that came and say nothing are no silence: people see which, and what to do.
  private static GateResult withUntold(GateResult result, Comparison untold) {
    Map<String, Double> numbers = new TreeMap<>(result.numbers());
    numbers.put("untoldWindows", untold.newer().trials());
    numbers.put("untoldControlWindows", untold.older().trials());
    return new GateResult(
        result.gate(),
        result.scope(),
        result.verdict(),
        "%s; %.0f windows of %d devices and %.0f of %d control devices tell nothing of it, for their byte budget adds up bins: a larger one tells"
            .formatted(
                result.reason(),
                untold.newer().trials(),
                untold.newer().devices(),
                untold.older().trials(),
                untold.older().devices()),
        result.required(),
        result.action(),
        numbers);
  }

  private static GateResult judged(
      GateSpec spec, String scope, Basis basis, Risk risk, boolean decides) {
    ArmSums newer = basis.counts().newer();
    if (newer.trials() == 0) {
      // Where nobody ever sends it there is nothing to wait for.
      boolean missing =
          spec.metric().isEssential()
              || (basis.counts().hasControls() && spec.metric().isToldByAll());
      return result(
          spec,
          scope,
          Verdict.NO_DATA,
          "nothing was seen of the new version",
          decides && missing,
          Map.of());
    }
    Optional<Opinion> formed = opinion(spec, basis, risk);
    if (formed.isEmpty()) {
      String reason = counts(newer) + ", and too few control devices to compare with";
      return result(spec, scope, Verdict.INCONCLUSIVE, reason, false, Map.of());
    }
    Opinion opinion = formed.get();
    boolean required =
        switch (opinion.verdict()) {
          case PASS, FAIL, NO_DATA -> true;
          case INCONCLUSIVE ->
              leansToHarm(spec, opinion)
                  || (opinion.waits()
                      && (spec.promote() == GateSpec.Promote.HARM_RULED_OUT
                          || opinion.seen().newer().trials() < spec.trialsMin()));
        };
    return result(
        spec,
        scope,
        opinion.verdict(),
        reason(spec, opinion),
        decides && required,
        numbers(spec, opinion));
  }

  private static GateResult result(
      GateSpec spec,
      String scope,
      Verdict verdict,
      String reason,
      boolean required,
      Map<String, Double> numbers) {
    return new GateResult(
        spec.metric().wireName(), scope, verdict, reason, required, spec.action(), numbers);
  }

  // Few controls may show harm, or that there is none; for what they leave open a stage does not
  // wait where something else says what is good.
  private static Optional<Opinion> opinion(GateSpec spec, Basis basis, Risk risk) {
    Optional<Opinion> compared =
        basis.byControls().map(effect -> formed(spec, basis, effect, risk, !basis.fewControls()));
    if (compared.isPresent() && compared.get().verdict() != Verdict.FAIL) {
      Optional<Opinion> rest =
          basis
              .rest()
              .flatMap(others -> opinion(spec, others, risk))
              .filter(one -> leansToHarm(spec, one));
      if (rest.isPresent()) {
        return rest;
      }
    }
    boolean stands =
        compared
            .filter(
                one ->
                    one.waits() || one.verdict() != Verdict.INCONCLUSIVE || leansToHarm(spec, one))
            .isPresent();
    return stands || basis.byLimit().isEmpty()
        ? compared
        : basis.byLimit().map(effect -> byLimit(spec, basis, effect, risk));
  }

  // What replaces another version is stopped for being worse than that only.
  private static Opinion byLimit(GateSpec spec, Basis basis, Effect effect, Risk risk) {
    Opinion one = formed(spec, basis, effect, risk, true);
    boolean unknown = risk.replaces() && !spec.metric().isByLimit();
    return one.verdict() == Verdict.FAIL && unknown ? one.withheld() : one;
  }

  private static Opinion formed(
      GateSpec spec, Basis basis, Effect effect, Risk risk, boolean waits) {
    double harm = spec.harm(effect.difference());
    double low =
        harm - MixtureSequence.radius(effect.variance(), spec.tolerance(), risk.falseAbort());
    double high =
        harm + MixtureSequence.radius(effect.variance(), spec.tolerance(), risk.falsePass());
    Comparison seen = basis.counts();
    return new Opinion(seen, effect, verdict(spec, seen.newer(), low, high), low, high, waits, "");
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

  private static Map<String, Double> numbers(GateSpec spec, Opinion opinion) {
    Comparison seen = opinion.seen();
    Effect effect = opinion.effect();
    double harm = spec.harm(effect.difference());
    Map<String, Double> numbers = new TreeMap<>();
    numbers.put("share", seen.newer().share());
    numbers.put("trials", seen.newer().trials());
    numbers.put("devices", (double) seen.newer().devices());
    numbers.put("reference", effect.reference());
    numbers.put("controlTrials", seen.older().trials());
    numbers.put("controlDevices", (double) seen.older().devices());
    numbers.put("harm", harm);
    numbers.put("tolerance", spec.tolerance());
    if (Double.isFinite(effect.variance())) {
      numbers.put("low", opinion.low());
      numbers.put("high", opinion.high());
      numbers.put("variance", effect.variance());
      numbers.put(
          "logEvidence",
          MixtureSequence.logEvidence(harm, spec.tolerance(), effect.variance(), spec.tolerance()));
    }
    return numbers;
  }

  private static String reason(GateSpec spec, Opinion opinion) {
    Comparison seen = opinion.seen();
    Effect effect = opinion.effect();
    String against =
        effect.controls()
            ? "%s on %d control devices"
                .formatted(percent(effect.reference()), seen.older().devices())
            : "%s %s"
                .formatted(
                    percent(effect.reference()),
                    spec.metric() == Metric.ACCURACY ? "promised" : "allowed");
    String text = "%s against %s".formatted(counts(seen.newer()), against);
    if (Double.isInfinite(effect.variance())) {
      return text + "; one device says nothing about differences between devices";
    }
    String needs =
        seen.newer().trials() < spec.trialsMin() ? "; needs %d".formatted(spec.trialsMin()) : "";
    // Shares differ by 100 points at most: such an interval says nothing.
    if (opinion.low() < -1 && opinion.high() > 1) {
      return "%s; too little was seen to say what harm there is%s".formatted(text, needs);
    }
    return "%s; harm %s, between %s and %s, tolerance %s%s%s"
        .formatted(
            text,
            points(spec.harm(effect.difference())),
            points(Math.max(-1, opinion.low())),
            points(Math.min(1, opinion.high())),
            points(spec.tolerance()),
            needs,
            opinion.remark());
  }

  private static String counts(ArmSums newer) {
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
