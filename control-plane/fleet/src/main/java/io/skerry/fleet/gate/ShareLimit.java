package io.skerry.fleet.gate;

import java.util.Map;

/**
 * A limit on a share, with the sample that makes it mean something.
 *
 * @param share the largest share that is acceptable, 0 to 1
 * @param sampleMin trials before the gate passes, at least 1
 * @param required whether the stage cannot pass without this gate
 * @param action what a failure does
 */
public record ShareLimit(double share, long sampleMin, boolean required, GateAction action) {
  /** Normal quantile of the bounds: 99 % on each side, because a gate is read many times. */
  static final double Z = 2.326;

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if the share is outside 0 to 1 or the sample below 1
   */
  public ShareLimit {
    if (!(share >= 0 && share <= 1) || sampleMin < 1) {
      throw new IllegalArgumentException(
          "limit %s with sample %d: share must be 0 to 1, sample at least 1"
              .formatted(share, sampleMin));
    }
  }

  /** The same limit with another action. */
  public ShareLimit doing(GateAction other) {
    return new ShareLimit(share, sampleMin, required, other);
  }

  GateResult judge(String gate, String scope, String what, long hits, long trials, long sample) {
    if (trials == 0) {
      return result(gate, scope, Verdict.NO_DATA, "no " + what + " was counted", Map.of());
    }
    Interval interval = Interval.wilson(hits, trials, Z);
    double seen = (double) hits / trials;
    String counts =
        "%d of %d %s (%.1f%%, 98%% interval %.1f%% to %.1f%%; limit %.1f%%)"
            .formatted(
                hits,
                trials,
                what,
                100 * seen,
                100 * interval.low(),
                100 * interval.high(),
                100 * share);
    var numbers =
        Map.of(
            "hits",
            (double) hits,
            "trials",
            (double) trials,
            "share",
            seen,
            "low",
            interval.low(),
            "high",
            interval.high(),
            "limit",
            share);
    if (interval.low() > share) {
      return result(gate, scope, Verdict.FAIL, counts, numbers);
    }
    if (trials < sample) {
      return result(
          gate, scope, Verdict.INCONCLUSIVE, counts + "; needs " + sample + " in all", numbers);
    }
    return result(
        gate, scope, seen <= share ? Verdict.PASS : Verdict.INCONCLUSIVE, counts, numbers);
  }

  GateResult result(
      String gate, String scope, Verdict verdict, String reason, Map<String, Double> numbers) {
    return new GateResult(gate, scope, verdict, reason, required, action, numbers);
  }
}
