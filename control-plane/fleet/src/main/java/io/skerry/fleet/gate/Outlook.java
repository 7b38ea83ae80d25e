package io.skerry.fleet.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

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

  static List<Outlook> of(GateSettings settings, Size size, double falseAbort) {
    List<Outlook> all = new ArrayList<>();
    all.add(failures(settings.failures(), size.devices()));
    for (GateSpec spec : settings.metrics()) {
      all.add(of(spec, size, falseAbort));
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

  private static Outlook of(GateSpec spec, Size size, double falseAbort) {
    double perDevice =
        switch (spec.metric()) {
          case FAILED_PREDICTIONS, SLOW_PREDICTIONS, PREDICTIONS, CONFIDENCE ->
              size.predictionsPerDevice();
          case RESTARTS, MEMORY -> size.windowsPerDevice();
          case ACCURACY, ACCURACY_NEGATIVE, ACCURACY_POSITIVE -> size.outcomesPerDevice();
        };
    String gate = spec.metric().wireName();
    if (perDevice == 0 || size.devices() == 0) {
      return new Outlook(gate, 1, 1, false, "no data is expected: the gate will say NO_DATA");
    }
    double share =
        switch (spec.metric()) {
          case FAILED_PREDICTIONS, SLOW_PREDICTIONS, RESTARTS -> .01;
          case MEMORY, PREDICTIONS, CONFIDENCE -> .5;
          case ACCURACY, ACCURACY_NEGATIVE, ACCURACY_POSITIVE -> .95;
        };
    double variance = arm(size.devices(), perDevice, share).variance();
    if (size.controls() > 0) {
      variance += arm(size.controls(), perDevice, share).variance();
    }
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
    return new Outlook(
        gate,
        excludes,
        shows,
        excludes <= spec.tolerance(),
        text(
            "with %.0f trials on %d devices and %d controls it can rule out %.2f points and show %.2f; tolerance %.2f",
            perDevice * size.devices(),
            size.devices(),
            size.controls(),
            100 * excludes,
            100 * shows,
            100 * spec.tolerance()));
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
