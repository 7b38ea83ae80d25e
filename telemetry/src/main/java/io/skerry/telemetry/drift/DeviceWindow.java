package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.List;
import java.util.Map;

/**
 * One device's counters of one window.
 *
 * @param attributes of the device, from which cohorts are made: labels and hardware profile
 * @param counts over the layout of the version's monitoring manifest
 * @param outcomes that became known in this window
 */
public record DeviceWindow(
    DeviceId device,
    Map<String, String> attributes,
    ModelVersion version,
    WindowCounts counts,
    Outcomes outcomes) {
  /**
   * Predictions of which the actual outcome became known, weighted by one over the probability with
   * which they were chosen for it.
   *
   * @param known how many
   * @param right weight of the predictions that came true
   * @param wrong weight of the others
   * @param actual weight of each actual class
   */
  public record Outcomes(long known, double right, double wrong, List<Double> actual) {
    /** No outcome became known. */
    public static final Outcomes NONE = new Outcomes(0, 0, 0, List.of());

    public Outcomes {
      actual = List.copyOf(actual);
    }
  }

  public DeviceWindow {
    attributes = Map.copyOf(attributes);
  }

  /** A window without outcomes. */
  public DeviceWindow(
      DeviceId device, Map<String, String> attributes, ModelVersion version, WindowCounts counts) {
    this(device, attributes, version, counts, Outcomes.NONE);
  }

  /** The most that any of its streams counted. */
  double counted() {
    long most = 0;
    for (int stream = 0; stream < counts.layout().size(); stream++) {
      most = Math.max(most, counts.total(stream));
    }
    return most;
  }
}
