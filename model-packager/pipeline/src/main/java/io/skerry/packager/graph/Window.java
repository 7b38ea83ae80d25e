package io.skerry.packager.graph;

import java.util.List;

/**
 * How a kernel moves over the spatial dimensions (one or two of them): one entry per dimension.
 *
 * @param before zeros put before the first element
 * @param after zeros put after the last element
 */
public record Window(
    List<Integer> kernel,
    List<Integer> strides,
    List<Integer> dilations,
    List<Integer> before,
    List<Integer> after) {
  public Window {
    kernel = List.copyOf(kernel);
    strides = List.copyOf(strides);
    dilations = List.copyOf(dilations);
    before = List.copyOf(before);
    after = List.copyOf(after);
  }

  /** Spatial dimensions. */
  public int rank() {
    return kernel.size();
  }

  /** Elements that the kernel spans, its gaps included. */
  public int span(int axis) {
    return (kernel.get(axis) - 1) * dilations.get(axis) + 1;
  }

  /** Size of the output along a spatial dimension. */
  public int outputSize(int axis, int inputSize) {
    int room = inputSize + before.get(axis) + after.get(axis) - span(axis);
    return room < 0 ? 0 : room / strides.get(axis) + 1;
  }

  /** Whether nothing is padded. */
  public boolean isUnpadded() {
    return before.stream().allMatch(p -> p == 0) && after.stream().allMatch(p -> p == 0);
  }
}
