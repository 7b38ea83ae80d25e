package io.skerry.fleet.gate;

import java.util.HashMap;
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

  /**
   * Hits come sooner than the others, so that those who are on their way count as none where the
   * limit has to be shown to be broken; where it has to be kept they do not count.
   */
  GateResult judge(
      String gate, String scope, String what, long hits, long trials, long underWay, long sample) {
    if (trials == 0) {
      return result(gate, scope, Verdict.NO_DATA, "no " + what + " was counted", Map.of());
    }
    Interval interval =
        new Interval(
            Interval.wilson(hits, trials + underWay, Z).low(),
            Interval.wilson(hits, trials, Z).high());
    double seen = (double) hits / trials;
    String counts =
        "%d of %d %s%s (%.1f%%, 98%% interval %.1f%% to %.1f%%; limit %.1f%%)"
            .formatted(
                hits,
                trials,
                what,
                underWay == 0 ? "" : ", %d more are under way".formatted(underWay),
                100 * seen,
                100 * interval.low(),
                100 * interval.high(),
                100 * share);
    Map<String, Double> numbers = new HashMap<>();
    numbers.put("hits", (double) hits);
    numbers.put("trials", (double) trials);
    numbers.put("share", seen);
    numbers.put("low", interval.low());
    numbers.put("high", interval.high());
    numbers.put("limit", share);
    if (underWay > 0) {
      numbers.put("under-way", (double) underWay);
    }
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
