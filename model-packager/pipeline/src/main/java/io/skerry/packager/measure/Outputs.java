package io.skerry.packager.measure;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * What a model said about each item: as many numbers as its output has elements. Many lie in a file
 * that is mapped.
 */
public final class Outputs {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  private final MemorySegment numbers;

  /** Numbers from one item to the next, and from an item's first to the first of these. */
  private final int stride;

  private final int offset;
  private final int perItem;
  private final List<Integer> sizes;

  private Outputs(MemorySegment numbers, int stride, int offset, int perItem, List<Integer> sizes) {
    this.numbers = numbers;
    this.stride = stride;
    this.offset = offset;
    this.perItem = perItem;
    this.sizes = sizes;
  }

  /**
   * What several outputs of a model said, one after the other.
   *
   * @param numbers floats, row-major, that nobody changes any more
   * @param sizes how many of an item's numbers each output has
   */
  Outputs(MemorySegment numbers, List<Integer> sizes) {
    this(numbers, sum(sizes), 0, sum(sizes), List.copyOf(sizes));
  }

  Outputs(float[] values, int perItem) {
    this(MemorySegment.ofArray(values), List.of(perItem));
  }

  private static int sum(List<Integer> sizes) {
    return sizes.stream().reduce(0, Math::addExact);
  }

  /** Outputs of these values, row-major. */
  public static Outputs of(int perItem, float... values) {
    return new Outputs(values.clone(), perItem);
  }

  /** The same of several outputs, each with so many of an item's numbers. */
  public static Outputs of(List<Integer> sizes, float... values) {
    return new Outputs(MemorySegment.ofArray(values.clone()), sizes);
  }

  /** What each output said, which has a scale of its own. */
  public List<Outputs> parts() {
    List<Outputs> parts = new ArrayList<>();
    int from = offset;
    for (int size : sizes) {
      parts.add(new Outputs(numbers, stride, from, size, List.of(size)));
      from += size;
    }
    return parts;
  }

  /** What so many of the outputs said, those before left out. */
  public Outputs of(int first, int count) {
    List<Integer> chosen = sizes.subList(first, first + count);
    return new Outputs(numbers, stride, offset + sum(sizes.subList(0, first)), sum(chosen), chosen);
  }

  /**
   * A copy of all numbers, item after item.
   *
   * @throws ArithmeticException if there are more than an array holds
   */
  public float[] values() {
    float[] values = new float[Math.multiplyExact(items(), perItem)];
    for (int i = 0; i < values.length; i++) {
      values[i] = at(i / perItem, i % perItem);
    }
    return values;
  }

  /** What was said about these items, in this order. */
  public Outputs chosen(int... items) {
    MemorySegment chosen = Numbers.of((long) items.length * perItem);
    for (int i = 0; i < items.length; i++) {
      long from = (long) items[i] * stride + offset;
      long to = (long) i * perItem;
      MemorySegment.copy(
          numbers, FLOAT, from * Float.BYTES, chosen, FLOAT, to * Float.BYTES, perItem);
    }
    return new Outputs(chosen, sizes);
  }

  /** The first item of which a number is not finite; -1 if all are. */
  public int firstNotFinite() {
    for (int item = 0; item < items(); item++) {
      for (int i = 0; i < perItem; i++) {
        if (!Float.isFinite(at(item, i))) {
          return item;
        }
      }
    }
    return -1;
  }

  public int items() {
    return (int) (numbers.byteSize() / Float.BYTES / stride);
  }

  public int perItem() {
    return perItem;
  }

  /** One number of an item. */
  public float at(int item, int element) {
    return numbers.getAtIndex(FLOAT, (long) item * stride + offset + element);
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

  /**
   * Signal to quantization noise in decibels: 10 · log₁₀(Σ reference² / Σ (reference − this)²). Of
   * several outputs, the worst: a large one does not hide what became of a small one.
   */
  public double signalToNoise(Outputs reference) {
    List<Outputs> said = parts();
    List<Outputs> wanted = reference.parts();
    double worst = Double.POSITIVE_INFINITY;
    for (int part = 0; part < said.size(); part++) {
      // A number that is none is the worst of all.
      worst = Math.min(worst, said.get(part).ofOne(wanted.get(part)));
    }
    return worst;
  }

  private double ofOne(Outputs reference) {
    double signal = 0;
    double noise = 0;
    for (int item = 0; item < items(); item++) {
      for (int i = 0; i < perItem; i++) {
        if (isSameWithoutEnd(reference.at(item, i), at(item, i))) {
          continue;
        }
        double wanted = reference.at(item, i);
        double difference = wanted - at(item, i);
        signal += wanted * wanted;
        noise += difference * difference;
      }
    }
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  }

  /** Whether both are infinite alike, or both no number: what there is no difference of. */
  static boolean isSameWithoutEnd(float one, float other) {
    return !Float.isFinite(one) && Float.compare(one, other) == 0;
  }

  /** The largest difference of any two corresponding numbers; none between two infinite ones. */
  public double largestDifference(Outputs other) {
    double largest = 0;
    for (int item = 0; item < items(); item++) {
      for (int i = 0; i < perItem; i++) {
        double one = at(item, i);
        double two = other.at(item, i);
        largest = Double.compare(one, two) == 0 ? largest : Math.max(largest, Math.abs(one - two));
      }
    }
    return largest;
  }

  /** The largest absolute number that is finite. */
  public double largestMagnitude() {
    double largest = 0;
    for (int item = 0; item < items(); item++) {
      for (int i = 0; i < perItem; i++) {
        float value = at(item, i);
        largest = Float.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
      }
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
