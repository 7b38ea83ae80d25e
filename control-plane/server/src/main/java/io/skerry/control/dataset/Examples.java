package io.skerry.control.dataset;

import io.skerry.artifact.npy.NpyArray;
import java.util.Arrays;

/** Windows ready to learn from, in arrays of the shapes that job processes read. */
public final class Examples {
  private final int features;
  private final int window;
  private final float[] inputs;
  private final float[] labels;
  private final byte[] splits;
  private final byte[] slices;
  private int size;
  private int own;

  Examples(int capacity, int features, int window) {
    this.features = features;
    this.window = window;
    this.inputs = new float[capacity * features * window];
    this.labels = new float[capacity];
    this.splits = new byte[capacity];
    this.slices = new byte[capacity];
  }

  void addRows(DeviceSeries series, int lastRow, byte split) {
    int at = size * features * window;
    for (int feature = 0; feature < features; feature++) {
      for (int row = lastRow - window + 1; row <= lastRow; row++) {
        inputs[at++] = series.value(row, feature);
      }
    }
    finish(series.label(lastRow), split, false);
    own = size;
  }

  void addCollected(CollectedWindow collected, byte split) {
    int at = size * features * window;
    for (int i = 0; i < features * window; i++) {
      inputs[at + i] = collected.value(i);
    }
    finish(collected.label(), split, collected.slice());
  }

  private void finish(int label, byte split, boolean slice) {
    labels[size] = label;
    splits[size] = split;
    slices[size] = (byte) (slice ? 1 : 0);
    size++;
  }

  /** All examples. */
  public int size() {
    return size;
  }

  /** Examples of one split. */
  public int size(Split split) {
    return indexes(split).length;
  }

  /** Examples of one split that are not of class 0. */
  public int positives(Split split) {
    int positives = 0;
    for (int index : indexes(split)) {
      positives += labels[index] > 0 ? 1 : 0;
    }
    return positives;
  }

  /** Examples of the slice within one split. */
  public int sliceSize(Split split) {
    int count = 0;
    for (int index : indexes(split)) {
      count += slices[index];
    }
    return count;
  }

  /** Inputs, float32 [examples, features, window]. */
  public NpyArray inputs() {
    return NpyArray.ofFloats(inputs, size, features, window);
  }

  /** Labels, each a class from 0, float32 [examples]. */
  public NpyArray labels() {
    return NpyArray.ofFloats(labels, size);
  }

  /** {@link Split#code()} of each, int8 [examples]. */
  public NpyArray splits() {
    return NpyArray.ofBytes(splits, size);
  }

  /** 1 for members of the slice, int8 [examples]. */
  public NpyArray slices() {
    return NpyArray.ofBytes(slices, size);
  }

  /** Inputs of one split, spread evenly when there are more than {@code limit}. */
  public NpyArray inputs(Split split, int limit) {
    int[] chosen = spread(indexes(split), limit);
    int width = features * window;
    float[] values = new float[chosen.length * width];
    for (int i = 0; i < chosen.length; i++) {
      System.arraycopy(inputs, chosen[i] * width, values, i * width, width);
    }
    return NpyArray.ofFloats(values, chosen.length, features, window);
  }

  /** Labels that belong to {@link #inputs(Split, int)} of the same arguments. */
  public NpyArray labels(Split split, int limit) {
    int[] chosen = spread(indexes(split), limit);
    float[] values = new float[chosen.length];
    for (int i = 0; i < chosen.length; i++) {
      values[i] = labels[chosen[i]];
    }
    return NpyArray.ofFloats(values, chosen.length);
  }

  /** How many of {@link #inputs(Split, int)} no device sent; these come first. */
  public int ownInputs(Split split, int limit) {
    return (int) Arrays.stream(spread(indexes(split), limit)).filter(index -> index < own).count();
  }

  private int[] indexes(Split split) {
    int[] indexes = new int[size];
    int count = 0;
    for (int i = 0; i < size; i++) {
      if (splits[i] == split.code()) {
        indexes[count++] = i;
      }
    }
    return Arrays.copyOf(indexes, count);
  }

  private static int[] spread(int[] indexes, int limit) {
    if (indexes.length <= limit) {
      return indexes;
    }
    int[] chosen = new int[limit];
    for (int i = 0; i < limit; i++) {
      chosen[i] = indexes[(int) ((long) i * indexes.length / limit)];
    }
    return chosen;
  }
}
