package io.skerry.agent.model;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the C library's allocator has given out in this process, whoever asked for it: engines,
 * direct buffers, the JVM.
 */
public final class EngineMemory {
  private EngineMemory() {}

  /**
   * What was given out, and what was given back but is kept for the next who asks.
   *
   * @param usedBytes of small and large blocks
   * @param keptBytes that no block uses
   */
  public record Allocated(long usedBytes, long keptBytes) {}

  /** Now; empty where the C library does not tell. */
  public static Optional<Allocated> now() {
    return NativeMemory.allocated();
  }

  /** Bytes of blocks that are given out; empty where the C library does not tell. */
  static OptionalLong inUse() {
    return now().map(all -> OptionalLong.of(all.usedBytes())).orElseGet(OptionalLong::empty);
  }
}
