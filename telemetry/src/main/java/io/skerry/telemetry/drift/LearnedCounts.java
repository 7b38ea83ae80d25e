package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.HashMap;
import java.util.Map;

/** What the devices of a cohort counted while they learned, per version. */
final class LearnedCounts {
  private final Map<ModelVersion, long[]> counts = new HashMap<>();
  private long windows;

  void add(ModelVersion version, WindowCounts window) {
    windows++;
    window.addTo(counts.computeIfAbsent(version, key -> new long[window.layout().bins()]));
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
