package io.skerry.packager.graph;

/** A constant float tensor. */
public final class Constant {
  private final Shape shape;
  private final float[] values;

  private Constant(Shape shape, float[] values) {
    if (shape.elements() != values.length) {
      throw new IllegalArgumentException(
          "shape %s needs %d values, has %d".formatted(shape, shape.elements(), values.length));
    }
    this.shape = shape;
    this.values = values;
  }

  /** A constant of this shape; the values are copied. */
  public static Constant of(Shape shape, float... values) {
    return new Constant(shape, values.clone());
  }

  public Shape shape() {
    return shape;
  }

  /** The element at this row-major index. */
  public float at(int index) {
    return values[index];
  }

  public int size() {
    return values.length;
  }

  /** A copy of the elements, row-major. */
  public float[] values() {
    return values.clone();
  }

  /** The same elements under another shape of as many elements. */
  public Constant reshaped(Shape other) {
    return new Constant(other, values);
  }

  /** The elements with their dimensions in this order. */
  public Constant transposed(int... permutation) {
    int rank = shape.rank();
    int[] strides = new int[rank];
    int stride = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= shape.dimension(axis);
    }
    int[] dimensions = new int[rank];
    for (int axis = 0; axis < rank; axis++) {
      dimensions[axis] = shape.dimension(permutation[axis]);
    }
    float[] moved = new float[values.length];
    int[] index = new int[rank];
    for (int i = 0; i < moved.length; i++) {
      int source = 0;
      for (int axis = 0; axis < rank; axis++) {
        source += index[axis] * strides[permutation[axis]];
      }
      moved[i] = values[source];
      for (int axis = rank - 1; axis >= 0 && ++index[axis] == dimensions[axis]; axis--) {
        index[axis] = 0;
      }
    }
    return new Constant(Shape.of(dimensions), moved);
  }
}
