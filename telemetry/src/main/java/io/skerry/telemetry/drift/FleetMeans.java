package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What is taken off the devices of each version: their mean in a window. Those of the last windows
 * are kept for what comes late.
 */
final class FleetMeans {
  private final int devicesMin;
  private final TreeMap<Long, Map<ModelVersion, float[]>> past = new TreeMap<>();

  /**
   * Knows no window.
   *
   * @param devicesMin that a mean is of, at least
   */
  FleetMeans(int devicesMin) {
    this.devicesMin = devicesMin;
  }

  /**
   * Writes them.
   *
   * @param versions in the order in which they were told
   */
  void write(StateWriter to, Collection<ModelVersion> versions) {
    to.putInt(past.size());
    past.forEach(
        (window, means) -> {
          to.putLong(window);
          to.putInt(means.size());
          for (ModelVersion version : versions) {
            float[] row = means.get(version);
            if (row != null) {
              to.putText(version.toString());
              to.putFloats(row);
            }
          }
        });
  }

  void read(StateReader from, int versions, int statistics) {
    for (int left = from.getCount(DriftLedger.LATE_WINDOWS); left > 0; left--) {
      long window = from.getLong();
      Map<ModelVersion, float[]> means = new HashMap<>();
      for (int each = from.getCount(versions); each > 0; each--) {
        float[] row = new float[statistics];
        ModelVersion version = ModelVersion.parse(from.getText());
        from.getFloats(row);
        means.put(version, row);
      }
      past.put(window, means);
    }
  }

  /** The means of an earlier window by version; empty when it is not known any more. */
  Map<ModelVersion, float[]> of(long window) {
    return past.getOrDefault(window, Map.of());
  }

  /**
   * Takes the means of a window off its rows. Outputs are compared among devices of one version:
   * another version speaks differently.
   *
   * @param rows one for each of the devices, in place
   * @return what was taken off the devices of each version
   */
  Map<ModelVersion, float[]> center(FleetState fleet, List<DeviceWindow> devices, float[][] rows) {
    int inputs = fleet.statistics().inputStatistics();
    List<Integer> all = new ArrayList<>();
    Map<ModelVersion, List<Integer>> byVersion = new HashMap<>();
    for (int i = 0; i < devices.size(); i++) {
      all.add(i);
      byVersion.computeIfAbsent(devices.get(i).version(), key -> new ArrayList<>()).add(i);
    }
    fleet.lead(byVersion, devices.size());
    float[] common = new float[fleet.statistics().size()];
    center(rows, all, 0, inputs, common);
    FleetLevel level = fleet.level();
    Map<ModelVersion, float[]> means = new HashMap<>();
    byVersion.forEach(
        (version, members) -> {
          float[] own = common.clone();
          center(rows, members, inputs, own.length, own);
          if (level != null) {
            level.settled(own);
          }
          means.put(version, own);
        });
    return means;
  }

  private void center(float[][] rows, List<Integer> members, int from, int to, float[] means) {
    double[] sum = new double[to - from];
    int[] count = new int[to - from];
    for (int member : members) {
      float[] row = rows[member];
      for (int s = from; s < to; s++) {
        if (!Float.isNaN(row[s])) {
          sum[s - from] += row[s];
          count[s - from]++;
        }
      }
    }
    for (int s = from; s < to; s++) {
      means[s] =
          count[s - from] < devicesMin ? Float.NaN : (float) (sum[s - from] / count[s - from]);
    }
    // Row by row: a column lies all over the memory.
    for (int member : members) {
      float[] row = rows[member];
      for (int s = from; s < to; s++) {
        row[s] -= means[s];
      }
    }
  }

  /** The newest window that is known. */
  OptionalLong newest() {
    return past.isEmpty() ? OptionalLong.empty() : OptionalLong.of(past.lastKey());
  }

  /** Keeps the means of a window, and forgets those that are too old. */
  void keep(long window, Map<ModelVersion, float[]> means) {
    past.put(window, means);
    past.keySet().removeIf(one -> one <= window - DriftLedger.LATE_WINDOWS);
  }
}
