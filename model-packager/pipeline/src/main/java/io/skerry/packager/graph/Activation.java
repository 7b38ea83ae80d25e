package io.skerry.packager.graph;

/** What a node does to its result before handing it on. */
public enum Activation {
  NONE,
  RELU,
  /** max(0, min(6, x)). */
  RELU6
}
