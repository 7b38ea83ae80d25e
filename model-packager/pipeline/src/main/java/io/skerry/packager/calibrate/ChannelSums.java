package io.skerry.packager.calibrate;

import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Sum and largest magnitude of each channel of one tensor.
 *
 * <p>Items are added up in groups of {@value #GROUP}, and the groups after that: the sums depend on
 * the items' order alone, and not on how many come at once.
 */
final class ChannelSums {
  private static final int GROUP = 32;

  private final double[] sums;
  private final double[] group;
  private final double[] magnitudes;
  private int inGroup;
  private long valuesEach;

  ChannelSums(int channels) {
    sums = new double[channels];
    group = new double[channels];
    magnitudes = new double[channels];
  }

  /** Adds whole items of so many values a channel. */
  void add(FloatBuffer values, int each) {
    int perItem = sums.length * each;
    for (int from = values.position(); from < values.limit(); from += perItem) {
      for (int c = 0; c < sums.length; c++) {
        add(values, from + c * each, each, c);
      }
      valuesEach += each;
      inGroup++;
      if (inGroup == GROUP) {
        closeGroup();
      }
    }
  }

  private void add(FloatBuffer values, int from, int each, int channel) {
    double sum = 0;
    float magnitude = 0;
    for (int i = from; i < from + each; i++) {
      float value = values.get(i);
      sum += value;
      magnitude = Math.max(magnitude, Math.abs(value));
    }
    group[channel] += sum;
    magnitudes[channel] = Math.max(magnitudes[channel], magnitude);
  }

  private void closeGroup() {
    for (int c = 0; c < sums.length; c++) {
      sums[c] += group[c];
    }
    Arrays.fill(group, 0);
    inGroup = 0;
  }

  /** Adds what another worker saw of the same tensor. */
  void merge(ChannelSums other) {
    closeGroup();
    other.closeGroup();
    for (int c = 0; c < sums.length; c++) {
      sums[c] += other.sums[c];
      magnitudes[c] = Math.max(magnitudes[c], other.magnitudes[c]);
    }
    valuesEach += other.valuesEach;
  }

  double[] means() {
    closeGroup();
    double[] means = sums.clone();
    for (int c = 0; c < means.length; c++) {
      means[c] /= Math.max(1, valuesEach);
    }
    return means;
  }

  double[] magnitudes() {
    return magnitudes.clone();
  }
}
