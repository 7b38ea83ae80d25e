package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.List;
import java.util.Map;

/**
 * One device's counters of one window.
 *
 * @param attributes of the device, from which cohorts are made: labels and hardware profile
 * @param counts per stream, in the layout of the version's monitoring manifest
 */
public record DeviceWindow(
    DeviceId device,
    Map<String, String> attributes,
    ModelVersion version,
    Map<String, List<Long>> counts) {
  public DeviceWindow {
    attributes = Map.copyOf(attributes);
    counts = Map.copyOf(counts);
  }
}
