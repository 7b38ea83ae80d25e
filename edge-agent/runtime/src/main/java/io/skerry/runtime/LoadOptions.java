package io.skerry.runtime;

import java.util.List;

/**
 * How to load a model.
 *
 * @param threads threads that one run may use, from 1
 * @param providers execution providers in order of preference; the engine's own CPU provider when
 *     empty
 */
public record LoadOptions(int threads, List<String> providers) {
  /** One thread on the CPU. */
  public static final LoadOptions DEFAULTS = new LoadOptions(1, List.of());

  public LoadOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads is %d, at least 1 is needed".formatted(threads));
    }
    providers = List.copyOf(providers);
  }
}
