package io.skerry.packager.measure;

/** What a model said about each item: as many numbers as its output has elements. */
public final class Outputs {
  private final float[] values;
  private final int perItem;

  Outputs(float[] values, int perItem) {
    this.values = values;
    this.perItem = perItem;
  }

  /** Outputs of these values, row-major. */
  public static Outputs of(int perItem, float... values) {
    return new Outputs(values.clone(), perItem);
  }

  /** A copy of all numbers, item after item. */
  public float[] values() {
    return values.clone();
  }

  /** What was said about these items, in this order. */
  public Outputs chosen(int... items) {
    float[] chosen = new float[items.length * perItem];
    for (int i = 0; i < items.length; i++) {
      System.arraycopy(values, items[i] * perItem, chosen, i * perItem, perItem);
    }
    return new Outputs(chosen, perItem);
  }

  /** The first item of which a number is not finite; -1 if all are. */
  public int firstNotFinite() {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        return i / perItem;
      }
    }
    return -1;
  }

  public int items() {
    return values.length / perItem;
  }

  public int perItem() {
    return perItem;
  }

  /** One number of an item. */
  public float at(int item, int element) {
    return values[item * perItem + element];
  }

  /** What orders items by how much they look like class 1. */
  public float score(int item) {
    return perItem == 1 ? at(item, 0) : at(item, 1) - at(item, 0);
  }

  /** The class said; with one output, 1 from 0.5. */
  public int prediction(int item) {
    if (perItem == 1) {
      return at(item, 0) >= 0.5f ? 1 : 0;
    }
    int best = 0;
    for (int i = 1; i < perItem; i++) {
      if (at(item, i) > at(item, best)) {
        best = i;
      }
    }
    return best;
  }

  /** Signal to quantization noise in decibels: 10 · log₁₀(Σ reference² / Σ (reference − this)²). */
  public double signalToNoise(Outputs reference) {
    double signal = 0;
    double noise = 0;
    for (int i = 0; i < values.length; i++) {
      double difference = reference.values[i] - values[i];
      signal += (double) reference.values[i] * reference.values[i];
      noise += difference * difference;
    }
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  }

  /** The largest difference of any two corresponding numbers. */
  public double largestDifference(Outputs other) {
    double largest = 0;
    for (int i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs((double) values[i] - other.values[i]));
    }
    return largest;
  }

  /** The largest absolute number. */
  public double largestMagnitude() {
    double largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  /** The class said of one of so many pixels: outputs are classes first, then pixels. */
  int classOf(int item, int pixel, int pixels) {
    int said = 0;
    for (int c = 1; c < perItem / pixels; c++) {
      said = at(item, c * pixels + pixel) > at(item, said * pixels + pixel) ? c : said;
    }
    return said;
  }
}
