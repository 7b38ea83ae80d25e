package io.skerry.runtime;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How to load a model.
 *
 * @param threads threads that one run may use, from 1
 * @param providers execution providers in order of preference; the engine's own CPU provider when
 *     empty
 * @param acceleratorOnly whether a model that would run on the processor is refused instead
 * @param memoryArena whether memory of a run is kept for the next one
 * @param libraries files of plug-in execution providers and delegates, by name
 * @param cache folder for what is compiled for this machine; nothing is kept when empty
 */
public record LoadOptions(
    int threads,
    List<String> providers,
    boolean acceleratorOnly,
    boolean memoryArena,
    Map<String, Path> libraries,
    Optional<Path> cache) {
  /** One thread on the CPU. */
  public static final LoadOptions DEFAULTS = new LoadOptions(1, List.of());

  /** Whose library is TFLite's external delegate. */
  public static final String TFLITE_DELEGATE = "tflite-delegate";

  public LoadOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads is %d, at least 1 is needed".formatted(threads));
    }
    providers = List.copyOf(providers);
    libraries = Map.copyOf(libraries);
  }

  /** So many threads on these providers, and else as engines do by themselves. */
  public LoadOptions(int threads, List<String> providers) {
    this(threads, providers, false, true, Map.of(), Optional.empty());
  }

  /** The same, refusing a model that would run on the processor. */
  public LoadOptions onAcceleratorOnly() {
    return new LoadOptions(threads, providers, true, memoryArena, libraries, cache);
  }

  /** The same with libraries of plug-in providers and delegates. */
  public LoadOptions withLibraries(Map<String, Path> files) {
    return new LoadOptions(threads, providers, acceleratorOnly, memoryArena, files, cache);
  }

  /** The same with a folder for what is compiled for this machine. */
  public LoadOptions withCache(Path folder) {
    return new LoadOptions(
        threads, providers, acceleratorOnly, memoryArena, libraries, Optional.of(folder));
  }

  /** The same with other providers. */
  public LoadOptions withProviders(List<String> names) {
    return new LoadOptions(threads, names, acceleratorOnly, memoryArena, libraries, cache);
  }

  /** The same without memory of a run that is kept for the next one. */
  public LoadOptions withoutMemoryArena() {
    return new LoadOptions(threads, providers, acceleratorOnly, false, libraries, cache);
  }

  /** The same without a folder for what is compiled. */
  public LoadOptions withoutCache() {
    return new LoadOptions(
        threads, providers, acceleratorOnly, memoryArena, libraries, Optional.empty());
  }
}
