package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import java.util.Arrays;
import java.util.BitSet;

/** One device's rows in the order of their cycles. */
final class DeviceSeries {
  private final DeviceId device;
  private final int features;
  private int rows;
  private int[] cycles = new int[64];
  private byte[] labels = new byte[64];
  private float[] values;

  DeviceSeries(DeviceId device, int features) {
    this.device = device;
    this.features = features;
    this.values = new float[64 * features];
  }

  void add(int cycle, float[] row, int label) {
    if (row.length != features) {
      throw new IllegalArgumentException(
          "row has %d features, the series %d".formatted(row.length, features));
    }
    if (rows == cycles.length) {
      cycles = Arrays.copyOf(cycles, 2 * rows);
      labels = Arrays.copyOf(labels, 2 * rows);
      values = Arrays.copyOf(values, 2 * rows * features);
    }
    cycles[rows] = cycle;
    labels[rows] = (byte) label;
    System.arraycopy(row, 0, values, rows * features, features);
    rows++;
  }

  DeviceId device() {
    return device;
  }

  int features() {
    return features;
  }

  int rows() {
    return rows;
  }

  int cycle(int row) {
    return cycles[row];
  }

  int label(int row) {
    return labels[row];
  }

  float value(int row, int feature) {
    return values[row * features + feature];
  }

  int examples(int window) {
    return Math.max(0, rows - window + 1);
  }

  /** The labels of the rows that windows of this length end in. */
  BitSet classes(int window) {
    BitSet classes = new BitSet();
    for (int row = window - 1; row < rows; row++) {
      classes.set(labels[row]);
    }
    return classes;
  }
}
