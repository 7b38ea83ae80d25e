package io.skerry.api;

import java.util.List;

/**
 * A stream's counts in a cohort beside its own counts from before.
 *
 * @param baselineFrom first of the windows that are compared with
 * @param baselineUntil the window after the last of them
 * @param from first window that is shown
 * @param until the window after the last of them
 * @param baselineDevices devices that counted in the baseline
 * @param devices devices that counted since
 * @param effect how different the two are
 * @param bins counts; a device counts for four others at most
 */
public record Distribution(
    String model,
    String cohort,
    String stream,
    long baselineFrom,
    long baselineUntil,
    long from,
    long until,
    int baselineDevices,
    int devices,
    long baselineCount,
    long count,
    EffectMeasures effect,
    List<Bin> bins) {
  public Distribution {
    bins = List.copyOf(bins);
  }

  /**
   * One bin.
   *
   * @param name its interval, or what it counts besides values: missing, infinite, stuck and so on
   * @param training counts of the training data
   */
  public record Bin(String name, long training, long baseline, long count) {}
}
