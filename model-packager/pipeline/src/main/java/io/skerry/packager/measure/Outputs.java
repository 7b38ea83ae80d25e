package io.skerry.packager.measure;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a model said about each item: as many numbers as its output has elements. Many lie in a file
 * that is mapped.
 */
public final class Outputs {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  private final MemorySegment numbers;
  private final int perItem;

  /**
   * Outputs of these numbers.
   *
   * @param numbers floats, row-major, that nobody changes any more
   */
  Outputs(MemorySegment numbers, int perItem) {
    this.numbers = numbers;
    this.perItem = perItem;
  }

  Outputs(float[] values, int perItem) {
    this(MemorySegment.ofArray(values), perItem);
  }

  /** Outputs of these values, row-major. */
  public static Outputs of(int perItem, float... values) {
    return new Outputs(values.clone(), perItem);
  }

  /**
   * A copy of all numbers, item after item.
   *
   * @throws IllegalStateException if there are more than an array holds
   */
  public float[] values() {
    return numbers.toArray(FLOAT);
  }

  /** What was said about these items, in this order. */
  public Outputs chosen(int... items) {
    MemorySegment chosen = Numbers.of((long) items.length * perItem);
    for (int i = 0; i < items.length; i++) {
      long from = (long) items[i] * perItem;
      MemorySegment.copy(
          numbers,
          FLOAT,
          from * Float.BYTES,
          chosen,
          FLOAT,
          (long) i * perItem * Float.BYTES,
          perItem);
    }
    return new Outputs(chosen, perItem);
  }

  /** The first item of which a number is not finite; -1 if all are. */
  public int firstNotFinite() {
    for (long i = 0; i < size(); i++) {
      if (!Float.isFinite(get(i))) {
        return (int) (i / perItem);
      }
    }
    return -1;
  }

  private long size() {
    return numbers.byteSize() / Float.BYTES;
  }

  private float get(long index) {
    return numbers.getAtIndex(FLOAT, index);
  }

  public int items() {
    return (int) (size() / perItem);
  }

  public int perItem() {
    return perItem;
  }

  /** One number of an item. */
  public float at(int item, int element) {
    return get((long) item * perItem + element);
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
    for (long i = 0; i < size(); i++) {
      double difference = reference.get(i) - get(i);
      signal += (double) reference.get(i) * reference.get(i);
      noise += difference * difference;
    }
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  }

  /** The largest difference of any two corresponding numbers. */
  public double largestDifference(Outputs other) {
    double largest = 0;
    for (long i = 0; i < size(); i++) {
      largest = Math.max(largest, Math.abs((double) get(i) - other.get(i)));
    }
    return largest;
  }

  /** The largest absolute number. */
  public double largestMagnitude() {
    double largest = 0;
    for (long i = 0; i < size(); i++) {
      largest = Math.max(largest, Math.abs(get(i)));
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
