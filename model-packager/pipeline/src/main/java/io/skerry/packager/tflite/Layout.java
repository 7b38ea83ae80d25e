package io.skerry.packager.tflite;

/** How a tensor of the graph lies in the file. */
enum Layout {
  /** As in the graph. */
  PLAIN,
  /** A feature map as [N,H,W,C]; H is 1 for [N,C,W]. */
  CHANNELS_LAST,
  /** A flattened feature map, [N,H·W·C] where the graph has [N,C·H·W]. */
  FLAT_CHANNELS_LAST
}
