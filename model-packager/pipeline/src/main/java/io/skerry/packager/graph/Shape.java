package io.skerry.packager.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Dimensions of a tensor, row-major.
 *
 * @param dimensions each ≥ 1; the first may be {@link #BATCH}
 */
public record Shape(List<Integer> dimensions) {
  /** A batch of any size. */
  public static final int BATCH = -1;

  /** The most elements of an item: 1 GiB as floats. Engines reserve whatever a file asks for. */
  private static final int ELEMENTS_MAX = 1 << 28;

  public Shape {
    dimensions = List.copyOf(dimensions);
  }

  /** A shape of these dimensions. */
  public static Shape of(int... dimensions) {
    List<Integer> list = new ArrayList<>();
    for (int dimension : dimensions) {
      list.add(dimension);
    }
    return new Shape(list);
  }

  /**
   * Checks that an item of a tensor is no larger than what is computed with.
   *
   * @throws ModelRefusedException if it is
   */
  public void requireComputable(String tensor) {
    double elements = 1;
    for (int dimension : dimensions) {
      elements *= Math.max(1, dimension);
    }
    if (elements > ELEMENTS_MAX) {
      throw new ModelRefusedException(
          "tensor '%s' of shape %s has more than %d elements an item: export it for smaller inputs"
              .formatted(tensor, this, ELEMENTS_MAX));
    }
  }

  public int rank() {
    return dimensions.size();
  }

  public int dimension(int axis) {
    return dimensions.get(axis);
  }

  /** Elements, with a batch of any size counted as 1. */
  public int elements() {
    long elements = 1;
    for (int dimension : dimensions) {
      elements = Math.multiplyExact(elements, Math.max(1, dimension));
    }
    return Math.toIntExact(elements);
  }

  /** Elements after the first dimension. */
  public int elementsPerItem() {
    return dimensions.isEmpty() ? 1 : elements() / Math.max(1, dimension(0));
  }

  /** The same shape with this first dimension. */
  public Shape withBatch(int batch) {
    List<Integer> changed = new ArrayList<>(dimensions);
    changed.set(0, batch);
    return new Shape(changed);
  }

  /** The dimensions in this order. */
  public Shape permuted(List<Integer> permutation) {
    return new Shape(permutation.stream().map(dimensions::get).toList());
  }

  /** The dimensions as an array, a batch of any size as {@code batch}. */
  public int[] toArray(int batch) {
    return dimensions.stream().mapToInt(d -> d == BATCH ? batch : d).toArray();
  }

  @Override
  public String toString() {
    return dimensions.stream()
        .map(d -> d == BATCH ? "N" : d.toString())
        .collect(Collectors.joining(",", "[", "]"));
  }
}
