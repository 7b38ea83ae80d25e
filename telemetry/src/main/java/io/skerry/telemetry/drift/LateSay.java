package io.skerry.telemetry.drift;

/** What a device says of its windows that came late: their mean, once. */
final class LateSay {
  private final Device device;
  private final float[] sum;
  private final int[] count;
  private DeviceWindow newest;
  private int windows;

  LateSay(Device device, DeviceWindow newest, int statistics) {
    this.device = device;
    this.newest = newest;
    this.sum = new float[statistics];
    this.count = new int[statistics];
  }

  /** A window that it says something of, or learns from. */
  void came(DeviceWindow one) {
    newest = one;
  }

  void add(float[] residuals) {
    windows++;
    for (int s = 0; s < residuals.length; s++) {
      if (!Float.isNaN(residuals[s])) {
        sum[s] += residuals[s];
        count[s]++;
      }
    }
  }

  boolean isSomething() {
    return windows > 0;
  }

  /** The say of a device that has none of the present. */
  Judged alone() {
    return new Judged(newest, device, mean());
  }

  /** The same with those of the present, as of one more window. */
  float[] meanWith(float[] residuals) {
    add(residuals);
    return mean();
  }

  private float[] mean() {
    float[] mean = new float[sum.length];
    for (int s = 0; s < mean.length; s++) {
      mean[s] = count[s] == 0 ? Float.NaN : sum[s] / count[s];
    }
    return mean;
  }
}
