package io.skerry.packager.calibrate;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;

/**
 * How calibration data is run: as many items at once as their tensors may take memory.
 *
 * @param items that a worker runs at once, at least one
 * @param together whether all workers run at the same time; else one after the other
 */
record Batch(int items, boolean together) {
  /** More items at once are hardly faster. */
  static final int ITEMS_MAX = 32;

  /** Tensors of all items that all workers run at once, while one item alone has fewer: 64 MiB. */
  static final long BYTES_MAX = 64L << 20;

  /**
   * The batch for items of this size.
   *
   * @param bytesPerItem of all tensors of one item, ≥ 1
   * @param workers that want to run, ≥ 1
   */
  static Batch of(long bytesPerItem, int workers) {
    long fit = BYTES_MAX / workers / bytesPerItem;
    return new Batch(Math.clamp(fit, 1, ITEMS_MAX), fit >= 1);
  }

  /** Bytes of a graph's input and of what all its nodes make of one item. */
  static long bytesPerItem(Graph graph) {
    long elements = graph.shape(graph.input()).elementsPerItem();
    for (Node node : graph.nodes()) {
      elements += graph.shape(node.output()).elementsPerItem();
    }
    return elements * Float.BYTES;
  }
}
