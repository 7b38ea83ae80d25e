package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Makes rows of statistics of what devices counted; the rows of a window serve the next again. */
final class WindowRows {
  private final long predictionsMin;
  private final Map<ModelVersion, Statistics.Reader> versions;
  private float[][] pool = new float[0][];

  WindowRows(long predictionsMin, Map<ModelVersion, Statistics.Reader> versions) {
    this.predictionsMin = predictionsMin;
    this.versions = versions;
  }

  /** Whether the version was told and counts in these bins. */
  boolean isReadable(DeviceWindow one) {
    Statistics.Reader reader = versions.get(one.version());
    return reader != null && reader.streams().layout().bins() == one.counts().layout().bins();
  }

  /** One row each, at least: there may be more. */
  float[][] of(FleetState fleet, List<DeviceWindow> devices) {
    if (pool.length < devices.size()) {
      int had = pool.length;
      pool = Arrays.copyOf(pool, devices.size());
      for (int i = had; i < pool.length; i++) {
        pool[i] = new float[fleet.statistics().size()];
      }
    }
    for (int i = 0; i < devices.size(); i++) {
      read(fleet, devices.get(i), pool[i]);
    }
    return pool;
  }

  /** A row of its own. */
  float[] of(FleetState fleet, DeviceWindow one) {
    float[] row = new float[fleet.statistics().size()];
    read(fleet, one, row);
    return row;
  }

  private void read(FleetState fleet, DeviceWindow one, float[] into) {
    Statistics.Reader reader = versions.get(one.version());
    if (reader != null) {
      reader.read(one, predictionsMin, into);
    }
    fleet.condition(into);
  }
}
