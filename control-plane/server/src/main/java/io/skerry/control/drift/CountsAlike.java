package io.skerry.control.drift;

import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.DeviceShare;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Counts of one stream, added up over devices and windows. Versions may have other bins of it: what
 * was counted in others than the first one's is left out, for it would stand in the wrong places.
 */
final class CountsAlike {
  private final Set<String> devices = new HashSet<>();
  private final List<long[]> window = new ArrayList<>();
  private long[] counts = new long[0];
  private int fold = 1;
  private @Nullable BaselineBins bins;

  /**
   * Adds a device's counts to the open window.
   *
   * @param own the bins that they were counted in; empty where nobody knows them any more
   * @param folded neighbouring bins that the device added up
   */
  void add(String device, Optional<BaselineBins> own, long[] row, int folded) {
    if (bins == null) {
      bins = own.orElse(null);
    } else if (own.isPresent() && !own.get().edges().equals(bins.edges())) {
      return;
    }
    window.add(row);
    fold = Math.max(fold, folded);
    devices.add(device);
  }

  /** Adds the window up, each device as far as it may count, and begins the next. */
  void close() {
    long[] sum = DeviceShare.sum(window);
    window.clear();
    if (counts.length < sum.length) {
      counts = Arrays.copyOf(counts, sum.length);
    }
    for (int bin = 0; bin < sum.length; bin++) {
      counts[bin] += sum[bin];
    }
  }

  /** What was added up so far. */
  long[] counts() {
    return counts.clone();
  }

  /** The most neighbouring bins that a device added up. */
  int fold() {
    return fold;
  }

  int devices() {
    return devices.size();
  }

  /** What all were counted in; empty where nothing is known of it. */
  Optional<BaselineBins> bins() {
    return Optional.ofNullable(bins);
  }
}
