package io.skerry.artifact;

import java.util.List;

/**
 * Name, type and shape of one input or output.
 *
 * @param shape dimensions, row-major; -1 where any size goes
 */
public record TensorSpec(String name, ElementType type, List<Long> shape) {
  public TensorSpec {
    shape = List.copyOf(shape);
  }

  /** Elements in one batch item: the product of all dimensions but the first, -1 counted as 1. */
  public int elementsPerItem() {
    long elements = 1;
    for (int i = 1; i < shape.size(); i++) {
      elements *= Math.max(1, shape.get(i));
    }
    return Math.toIntExact(elements);
  }

  /** The dimensions after the batch; none where there is not even a batch. */
  public List<Long> shapeOfItem() {
    return shape.subList(Math.min(1, shape.size()), shape.size());
  }

  /** Whether a tensor of this shape can be given for this spec. */
  public boolean accepts(List<Long> actual) {
    if (actual.size() != shape.size()) {
      return false;
    }
    for (int i = 0; i < shape.size(); i++) {
      if (shape.get(i) >= 0 && !shape.get(i).equals(actual.get(i))) {
        return false;
      }
    }
    return true;
  }
}
