package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.time.Duration;
import java.util.Map;

/**
 * Latency at the 99th percentile against the hardware profile's budget, from {@code $latency} bins.
 *
 * <p>Bin i counts latencies in [2^(i/2), 2^((i+1)/2)) µs. A bin that the budget cuts counts as
 * within it, so the gate errs towards passing by less than half an octave.
 *
 * <p>A busy machine stretches the tail of any model. So the tail counts against a version only when
 * the version before does clearly better at the same time; without one to compare with, only when
 * more than half of all predictions are over the budget, and is INCONCLUSIVE otherwise.
 */
public final class LatencyGate {
  static final String NAME = "latency-p99";
  private static final double HALF = .5;
  private static final double HARM_TOLERANCE = .05;

  private LatencyGate() {}

  /**
   * Judges one profile.
   *
   * @param newer bins of the new version
   * @param older bins of the version before on concurrent control devices; empty when there is none
   * @param limit its share is the share of slow predictions allowed, .01 for the 99th percentile
   */
  public static GateResult judge(
      ProfileId profile, long[] newer, long[] older, Duration budget, ShareLimit limit) {
    long total = total(newer);
    long slow = above(newer, budget);
    GateResult own =
        limit.judge(
            NAME,
            profile.value(),
            "predictions over the budget of " + budget.toMillis() + " ms",
            slow,
            total,
            limit.sampleMin());
    boolean within = own.verdict() == Verdict.PASS || own.verdict() == Verdict.NO_DATA;
    if (within || total < limit.sampleMin()) {
      return own;
    }
    Interval now = Interval.wilson(slow, total, ShareLimit.Z);
    long olderTotal = total(older);
    if (olderTotal < limit.sampleMin()) {
      return now.low() > HALF
          ? own
          : limit.result(
              NAME,
              profile.value(),
              Verdict.INCONCLUSIVE,
              own.reason() + "; no version before to compare with",
              own.numbers());
    }
    Interval before = Interval.wilson(above(older, budget), olderTotal, ShareLimit.Z);
    if (own.verdict() == Verdict.FAIL && now.low() > before.high() + HARM_TOLERANCE) {
      return own;
    }
    return limit.result(
        NAME,
        profile.value(),
        Verdict.PASS,
        "%s; the version before is not clearly faster at the same time (%.1f%% of %d over the budget)"
            .formatted(own.reason(), 100.0 * above(older, budget) / olderTotal, olderTotal),
        Map.of(
            "share",
            (double) slow / total,
            "trials",
            (double) total,
            "shareBefore",
            (double) above(older, budget) / olderTotal,
            "trialsBefore",
            (double) olderTotal));
  }

  private static long total(long[] bins) {
    long total = 0;
    for (long count : bins) {
      total += count;
    }
    return total;
  }

  private static long above(long[] bins, Duration budget) {
    double budgetMicros = budget.toNanos() / 1e3;
    long above = 0;
    for (int bin = 0; bin < bins.length; bin++) {
      if (Math.pow(2, bin / 2.0) >= budgetMicros) {
        above += bins[bin];
      }
    }
    return above;
  }
}
