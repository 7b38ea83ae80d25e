package io.skerry.packager.graph;

import java.util.Arrays;

/** A constant tensor of integers: shapes, axes and the like. */
final class WholeNumbers {
  /** Stands for the size of a batch of any size, which nobody can compute with. */
  static final long OPEN_BATCH = Long.MIN_VALUE;

  private final Shape shape;
  private final long[] values;

  WholeNumbers(Shape shape, long... values) {
    if (shape.elements() != values.length) {
      throw new IllegalArgumentException(
          "shape %s needs %d values, has %d".formatted(shape, shape.elements(), values.length));
    }
    this.shape = shape;
    this.values = values.clone();
  }

  static WholeNumbers list(long... values) {
    return new WholeNumbers(Shape.of(values.length), values);
  }

  Shape shape() {
    return shape;
  }

  long at(int index) {
    return values[index];
  }

  /** A copy of the elements, row-major; the size of an open batch may be among them. */
  long[] values() {
    return values.clone();
  }

  boolean dependOnBatch() {
    return Arrays.stream(values).anyMatch(value -> value == OPEN_BATCH);
  }
}
