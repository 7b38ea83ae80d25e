package io.skerry.fleet.gate;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * From which latency on a prediction is slow, chosen before a stage opens so that what is then
 * counted has no part in the choice.
 *
 * <p>Bin i counts latencies in [2^(i/2), 2^((i+1)/2)) µs.
 */
public final class LatencyEdge {
  private static final double SHARE = .01;
  // With more of the old version counted as slow, hardly anything could be slower.
  private static final double SHARE_MAX = .1;
  private static final long SAMPLE_MIN = 100;

  private LatencyEdge() {}

  /**
   * The lowest bin from which on the old version's predictions are the slowest 1 in 100, as closely
   * as the bins allow, and at most 1 in 10: none of them where they all lie in one bin. With too
   * few of them, the first bin that is wholly over the budget; empty when there is neither.
   *
   * @param older counts of the old version
   */
  public static Optional<Integer> of(List<Long> older, Optional<Duration> budget) {
    return of(older, 1, budget);
  }

  /**
   * The same among the borders of so many neighbouring bins.
   *
   * @param resolution bins that are compared as one, at least 1
   */
  static Optional<Integer> of(List<Long> older, int resolution, Optional<Duration> budget) {
    long total = older.stream().mapToLong(Long::longValue).sum();
    if (total < SAMPLE_MIN) {
      return budget.map(of -> overBudget(of, resolution));
    }
    int best = older.size();
    double closest = Double.POSITIVE_INFINITY;
    long above = 0;
    for (int bin = older.size() - 1; bin >= 0; bin--) {
      above += older.get(bin);
      if (bin % resolution != 0) {
        continue;
      }
      if (above > SHARE_MAX * total) {
        break;
      }
      // Without any above, infinitely far: until there are some, the lowest bin will do.
      double distance = Math.abs(Math.log((double) above / total / SHARE));
      if (distance <= closest) {
        closest = distance;
        best = bin;
      }
    }
    return Optional.of(best);
  }

  /** The first bin that is wholly over the budget. */
  public static int overBudget(Duration budget) {
    return overBudget(budget, 1);
  }

  /**
   * The first border of so many neighbouring bins from which on all are wholly over the budget.
   *
   * @param resolution bins that are compared as one, at least 1
   */
  public static int overBudget(Duration budget, int resolution) {
    double micros = budget.toNanos() / 1e3;
    int bin = 0;
    while (Math.pow(2, bin / 2.0) < micros) {
      bin++;
    }
    return Math.ceilDiv(bin, resolution) * resolution;
  }
}
