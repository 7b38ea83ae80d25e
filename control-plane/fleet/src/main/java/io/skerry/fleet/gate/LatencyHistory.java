package io.skerry.fleet.gate;

import io.skerry.fleet.gate.ArmCounts.Bins;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the version before took on devices of one hardware profile before a stage opens, and how
 * many neighbouring bins those devices added up to save bytes. Not thread-safe.
 *
 * <p>An edge within what a device added up asks what it cannot tell. Therefore edges lie where most
 * of what was told can answer.
 */
public final class LatencyHistory {
  private final Map<Integer, long[]> byFold = new TreeMap<>();

  /** Adds a window. */
  public void add(Bins latencies) {
    long[] sum = byFold.getOrDefault(latencies.fold(), new long[0]);
    if (sum.length < latencies.bins()) {
      sum = Arrays.copyOf(sum, latencies.bins());
      byFold.put(latencies.fold(), sum);
    }
    for (int bin = 0; bin < latencies.bins(); bin++) {
      sum[bin] += latencies.count().applyAsLong(bin);
    }
  }

  /**
   * Neighbouring bins that are compared as one: as few as at least half of the predictions are told
   * by; 1 where nothing is known.
   */
  public int resolution() {
    long all = total(Integer.MAX_VALUE);
    return byFold.keySet().stream().filter(fold -> 2 * total(fold) >= all).findFirst().orElse(1);
  }

  private long total(int foldMax) {
    return byFold.entrySet().stream()
        .filter(one -> one.getKey() <= foldMax)
        .mapToLong(one -> Arrays.stream(one.getValue()).sum())
        .sum();
  }

  /**
   * From which bin on a prediction is slow, as {@link LatencyEdge} has it; empty where neither the
   * version before nor a budget tells.
   */
  public Optional<Integer> edge(Optional<Duration> budget) {
    int resolution = resolution();
    long[] sum = new long[0];
    for (Map.Entry<Integer, long[]> one : byFold.entrySet()) {
      if (one.getKey() <= resolution) {
        long[] counts = one.getValue();
        sum = Arrays.copyOf(sum, Math.max(sum.length, counts.length));
        for (int bin = 0; bin < counts.length; bin++) {
          sum[bin] += counts[bin];
        }
      }
    }
    List<Long> older = Arrays.stream(sum).boxed().toList();
    return LatencyEdge.of(older, resolution, budget);
  }
}
