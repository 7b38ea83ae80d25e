package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

/** What the devices of a cohort counted while they learned, per version. */
final class LearnedCounts {
  // In one order: sums of products are told to the last bit.
  private final Map<ModelVersion, long[]> counts =
      new TreeMap<>(Comparator.comparingLong(ModelVersion::version));
  private long windows;

  /**
   * Adds a device's window.
   *
   * @param share of its counts that counts, above 0 to 1
   */
  void add(ModelVersion version, WindowCounts window, double share) {
    windows++;
    long[] sums = counts.computeIfAbsent(version, key -> new long[window.layout().bins()]);
    if (share >= 1) {
      window.addTo(sums);
      return;
    }
    for (int stream = 0; stream < window.layout().size(); stream++) {
      long[] row = window.counts(stream).stream().mapToLong(Long::longValue).toArray();
      long[] scaled = DeviceShare.scaled(row, share);
      for (int bin = 0; bin < scaled.length; bin++) {
        sums[window.layout().start(stream) + bin] += scaled[bin];
      }
    }
  }

  /** Device-windows that were added. */
  long windows() {
    return windows;
  }

  void addTo(CommonCounts common, int input, Map<ModelVersion, Statistics.Reader> versions) {
    counts.forEach(
        (version, row) -> {
          Statistics.Reader reader = versions.get(version);
          int stream = reader == null ? -1 : reader.stream(input);
          if (reader != null && stream >= 0) {
            int start = reader.streams().layout().start(stream);
            for (int bin = 0; bin < reader.streams().layout().bins(stream); bin++) {
              common.add(reader, input, bin, row[start + bin]);
            }
          }
        });
  }
}
