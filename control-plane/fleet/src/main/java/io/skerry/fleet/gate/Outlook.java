package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a gate can see at a given size, told before the start.
 *
 * @param gate its wire name
 * @param excludes smallest harm that the gate is likely to rule out by the stage's deadline when
 *     there is none; 1 when it cannot rule out anything
 * @param shows smallest harm that it is likely to show by then
 * @param enough whether {@code excludes} is within the gate's tolerance
 * @param text the same in words
 */
public record Outlook(String gate, double excludes, double shows, boolean enough, String text) {
  // One standard error on the safe side: more likely than not.
  private static final double MARGIN = 1;

  /**
   * A stage of one hardware profile.
   *
   * @param devices that get the new version
   * @param controls devices that keep the old one meanwhile
   * @param predictionsPerDevice until the stage's deadline
   * @param outcomesPerDevice of them, with a known outcome
   * @param windowsPerDevice counting windows until then
   */
  public record Size(
      long devices,
      long controls,
      double predictionsPerDevice,
      double outcomesPerDevice,
      double windowsPerDevice) {}

  static Map<String, List<Outlook>> of(
      GateSettings settings,
      Map<ProfileId, Size> sizes,
      OptionalDouble promise,
      double falseAbort) {
    Map<String, List<Outlook>> all = new LinkedHashMap<>();
    if (sizes.size() > 1) {
      all.put(GateResult.POOLED, of(settings, List.copyOf(sizes.values()), promise, falseAbort));
    }
    sizes.entrySet().stream()
        .sorted(Comparator.comparing(entry -> entry.getKey().value()))
        .forEach(
            entry ->
                all.put(
                    entry.getKey().value(),
                    of(settings, List.of(entry.getValue()), promise, falseAbort)));
    return all;
  }

  Outlook with(String remark) {
    return new Outlook(gate, excludes, shows, enough, text + remark);
  }

  private static List<Outlook> of(
      GateSettings settings, List<Size> sizes, OptionalDouble promise, double falseAbort) {
    List<Outlook> all = new ArrayList<>();
    all.add(failures(settings.failures(), sizes.stream().mapToLong(Size::devices).sum()));
    for (GateSpec spec : settings.metrics()) {
      all.add(of(spec, sizes, promise, falseAbort));
    }
    return all;
  }

  private static Outlook failures(ShareLimit limit, long devices) {
    double high = devices == 0 ? 1 : Interval.wilson(0, devices, ShareLimit.Z).high();
    double shown = 1;
    for (long failed = 1; failed <= devices; failed++) {
      if (Interval.wilson(failed, devices, ShareLimit.Z).low() > limit.share()) {
        shown = (double) failed / devices;
        break;
      }
    }
    return new Outlook(
        FailureGate.NAME,
        high,
        shown,
        high <= limit.share(),
        text(
            "if all %d devices succeed, a failure share of up to %.1f%% is still possible; limit %.1f%%",
            devices, 100 * high, 100 * limit.share()));
  }

  private static Outlook of(
      GateSpec spec, List<Size> sizes, OptionalDouble promise, double falseAbort) {
    String gate = spec.metric().wireName();
    List<Comparison> expected = sizes.stream().map(size -> expected(spec, size)).toList();
    Basis basis = spec.basis(expected, promise);
    Comparison all = basis.counts();
    if (all.newer().trials() == 0) {
      return new Outlook(gate, 1, 1, false, "no data is expected: the gate will say NO_DATA");
    }
    Optional<Effect> effect = basis.decides();
    if (effect.isEmpty()) {
      return new Outlook(gate, 1, 1, false, "too few control devices to compare with");
    }
    double variance = effect.orElseThrow().variance();
    double error = Math.sqrt(variance);
    double excludes =
        Math.min(
            1,
            MixtureSequence.radius(variance, spec.tolerance(), GateSettings.FALSE_PASS)
                + MARGIN * error);
    double shows =
        Math.min(
            1,
            spec.tolerance()
                + MixtureSequence.radius(variance, spec.tolerance(), falseAbort)
                + MARGIN * error);
    boolean sampled = all.newer().trials() >= spec.trialsMin();
    return new Outlook(
        gate,
        excludes,
        shows,
        sampled && excludes <= spec.tolerance(),
        text(
            "with %.0f trials on %d devices and %d controls it can rule out %.2f points and show %.2f, if devices are alike; tolerance %.2f%s",
            all.newer().trials(),
            all.newer().devices(),
            all.older().devices(),
            100 * excludes,
            100 * shows,
            100 * spec.tolerance(),
            sampled ? "" : "; needs " + spec.trialsMin()));
  }

  private static Comparison expected(GateSpec spec, Size size) {
    double perDevice =
        switch (spec.metric()) {
          case FAILED_PREDICTIONS, SLOW_PREDICTIONS, OVER_BUDGET, PREDICTIONS, CONFIDENCE ->
              size.predictionsPerDevice();
          case RESTARTS -> size.windowsPerDevice();
          case LOST_DEVICES -> 1;
          case SLOW_PREDICTIONS_UNTOLD, OVER_BUDGET_UNTOLD -> 0;
          case PREDICTIONS_UNTOLD, CONFIDENCE_UNTOLD -> 0;
          case MEMORY -> size.windowsPerDevice() * Metric.MEMORY_TRIALS;
          case ACCURACY, ACCURACY_NEGATIVE, ACCURACY_POSITIVE, ERROR -> size.outcomesPerDevice();
        };
    double share =
        switch (spec.metric()) {
          case FAILED_PREDICTIONS, SLOW_PREDICTIONS, OVER_BUDGET, RESTARTS -> .01;
          case MEMORY, PREDICTIONS, CONFIDENCE -> .5;
          case ACCURACY, ACCURACY_NEGATIVE, ACCURACY_POSITIVE -> .95;
          case ERROR, LOST_DEVICES -> .05;
          case SLOW_PREDICTIONS_UNTOLD, OVER_BUDGET_UNTOLD -> 0;
          case PREDICTIONS_UNTOLD, CONFIDENCE_UNTOLD -> 0;
        };
    return perDevice == 0
        ? Comparison.NONE
        : new Comparison(
            arm(size.devices(), perDevice, share), arm(size.controls(), perDevice, share));
  }

  private static ArmSums arm(long devices, double trials, double share) {
    double hits = share * trials;
    return new ArmSums(
        devices,
        devices * trials,
        devices * hits,
        devices * trials * trials,
        devices * trials * hits,
        devices * hits * hits);
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
