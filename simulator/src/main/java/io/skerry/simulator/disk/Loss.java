package io.skerry.simulator.disk;

/** What a stop takes from the disk. */
public sealed interface Loss {
  /** Only the process died: everything that was written is there. */
  record Kill() implements Loss {}

  /**
   * The power was cut: of what was not forced, some is there and some is not.
   *
   * @param seed chooses which; 0 = nothing of it is there
   */
  record PowerCut(long seed) implements Loss {}
}
