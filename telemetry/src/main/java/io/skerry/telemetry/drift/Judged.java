package io.skerry.telemetry.drift;

/** A device with a baseline, in the window under judgement: how far it is from that baseline. */
final class Judged {
  private final DeviceWindow window;
  private final Device device;
  private final float[] residuals;

  Judged(DeviceWindow window, Device device, float[] residuals) {
    this.window = window;
    this.device = device;
    this.residuals = residuals;
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
}
