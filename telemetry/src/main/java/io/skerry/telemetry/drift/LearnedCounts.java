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

  void write(StateWriter to) {
    to.putLong(windows);
    to.putInt(counts.size());
    counts.forEach(
        (version, row) -> {
          to.putText(version.toString());
          to.putLongs(row);
        });
  }

  /** Reads the counts of versions that are known. */
  static LearnedCounts read(StateReader from, Map<ModelVersion, Statistics.Reader> versions) {
    LearnedCounts read = new LearnedCounts();
    read.windows = from.getLong();
    int count = from.getCount(versions.size());
    for (int i = 0; i < count; i++) {
      ModelVersion version = ModelVersion.parse(from.getText());
      Statistics.Reader reader = versions.get(version);
      if (reader == null) {
        throw new IllegalArgumentException("%s was counted and is not known".formatted(version));
      }
      long[] row = new long[reader.streams().layout().bins()];
      from.getLongs(row);
      read.counts.put(version, row);
    }
    return read;
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
