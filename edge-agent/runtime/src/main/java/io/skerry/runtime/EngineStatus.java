package io.skerry.runtime;

import java.util.List;

/** Whether an engine can be used on this machine. */
public sealed interface EngineStatus {
  /**
   * It can.
   *
   * @param providers execution providers, for example {@code cpu}, {@code xnnpack}, {@code cuda}
   */
  record Available(String version, List<String> providers) implements EngineStatus {
    public Available {
      providers = List.copyOf(providers);
    }
  }

  /** It cannot; the reason says what is missing. */
  record Unavailable(String reason) implements EngineStatus {}
}
