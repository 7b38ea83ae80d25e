package io.skerry.telemetry.drift;

import org.jspecify.annotations.Nullable;

/** A device with a baseline, in the window under judgement: how far it is from that baseline. */
final class Judged {
  private final DeviceWindow window;
  private final Device device;
  private final float[] residuals;
  private final float @Nullable [] distances;

  Judged(DeviceWindow window, Device device, float[] residuals) {
    this(window, device, residuals, null);
  }

  private Judged(
      DeviceWindow window, Device device, float[] residuals, float @Nullable [] distances) {
    this.window = window;
    this.device = device;
    this.residuals = residuals;
    this.distances = distances;
  }

  /** The same, with how far it is from where it learned, wherever the others are. */
  Judged at(float[] distances) {
    return new Judged(window, device, residuals, distances);
  }

  DeviceWindow window() {
    return window;
  }

  Device device() {
    return device;
  }

  float[] residuals() {
    return residuals;
  }

  /** How far it is from where it learned, wherever the others are; NaN where that is not known. */
  float distance(int statistic) {
    return distances == null ? Float.NaN : distances[statistic];
  }
}
