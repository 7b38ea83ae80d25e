package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of this program. An engine's native library is loaded when the engine is first asked
 * for, never before.
 *
 * <p>Thread-safe.
 */
public final class EngineCatalog {
  private static final Logger log = LoggerFactory.getLogger(EngineCatalog.class);

  private final List<InferenceEngine> engines;
  private final MemoryRoom room;
  private final RunRoom runs;
  private final PeakMemory memory;
  private final Optional<Batching> batching;
  private final AtomicLong loadsBegun = new AtomicLong();
  private final AtomicInteger loading = new AtomicInteger();
  private final Map<String, EngineStatus> statuses = new ConcurrentHashMap<>();

  /** A catalog of these engines. */
  public EngineCatalog(List<InferenceEngine> engines) {
    this(engines, MemoryRoom.ofLinux());
  }

  /** A catalog of these engines, which loads what fits into this room. */
  public EngineCatalog(List<InferenceEngine> engines, MemoryRoom room) {
    this(engines, room, PeakMemory.ofLinux());
  }

  EngineCatalog(List<InferenceEngine> engines, MemoryRoom room, PeakMemory memory) {
    this(engines, room, new RunRoom(room), memory, Optional.empty());
  }

  private EngineCatalog(
      List<InferenceEngine> engines,
      MemoryRoom room,
      RunRoom runs,
      PeakMemory memory,
      Optional<Batching> batching) {
    this.room = room;
    this.runs = runs;
    this.memory = memory;
    this.batching = batching;
    this.engines = engines.stream().sorted(Comparator.comparing(InferenceEngine::name)).toList();
  }

  /** The engines on the class path. */
  public static EngineCatalog discovered() {
    return new EngineCatalog(
        ServiceLoader.load(InferenceEngine.class).stream()
            .map(ServiceLoader.Provider::get)
            .toList());
  }

  /** The same; models run in batches where this says that it gains. */
  public EngineCatalog with(Batching measuring) {
    return new EngineCatalog(engines, room, runs, memory, Optional.of(measuring));
  }

  /** Names, ordered. */
  public List<String> names() {
    return engines.stream().map(InferenceEngine::name).toList();
  }

  /** The ending of the model files of the engine of this name. */
  public Optional<String> fileExtension(String name) {
    return engine(name).map(InferenceEngine::fileExtension);
  }

  /** Whether the engine of this name can be used here; probes it the first time. */
  public EngineStatus status(String name) {
    return engine(name)
        .map(engine -> statuses.computeIfAbsent(name, probed -> engine.probe()))
        .orElseGet(
            () -> new EngineStatus.Unavailable("no engine '%s' in this program".formatted(name)));
  }

  /** Usable engines with their execution providers, for example {@code onnxruntime/cpu}. */
  public List<String> usable() {
    List<String> usable = new ArrayList<>();
    for (String name : names()) {
      if (status(name) instanceof EngineStatus.Available available) {
        available.providers().forEach(provider -> usable.add(name + "/" + provider));
      }
    }
    return List.copyOf(usable);
  }

  /** Loads a model file with the engine that its ending names. */
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    String file = String.valueOf(model.getFileName());
    InferenceEngine engine =
        engines.stream()
            .filter(candidate -> file.endsWith(candidate.fileExtension()))
            .findFirst()
            .orElseThrow(
                () ->
                    new EngineException(
                        Reason.MODEL_INVALID,
                        "no engine for '%s': known endings are %s"
                            .formatted(
                                file,
                                engines.stream()
                                    .map(InferenceEngine::fileExtension)
                                    .collect(Collectors.joining(", ")))));
    return load(engine, model, options);
  }

  /** Loads a model file with the engine of this name. */
  public LoadedModel load(String engineName, Path model, LoadOptions options)
      throws EngineException {
    InferenceEngine engine =
        engine(engineName)
            .orElseThrow(
                () ->
                    new EngineException(
                        Reason.ENGINE_UNAVAILABLE,
                        "no engine '%s' in this program: it has %s"
                            .formatted(engineName, names())));
    return load(engine, model, options);
  }

  /**
   * What each operator of a model takes, as {@link InferenceEngine#profile} tells it.
   *
   * @throws EngineException if the engine has no profiler, cannot run the model, or would find too
   *     little memory
   */
  public OperatorProfile profile(
      String engineName, Path model, LoadOptions options, List<Tensor> inputs, int runs)
      throws EngineException {
    InferenceEngine engine =
        engine(engineName)
            .orElseThrow(
                () ->
                    new EngineException(
                        Reason.ENGINE_UNAVAILABLE,
                        "no engine '%s' in this program: it has %s"
                            .formatted(engineName, names())));
    // It is loaded once more, beside the one that serves.
    try (MemoryRoom.Reserved _ = reserve(engine, model)) {
      return engine.profile(model, options, inputs, runs);
    }
  }

  private MemoryRoom.Reserved reserve(InferenceEngine engine, Path model) throws EngineException {
    return room.reserve(model, guarded(engine, model, () -> engine.workingBytes(model)));
  }

  private LoadedModel load(InferenceEngine engine, Path model, LoadOptions options)
      throws EngineException {
    if (status(engine.name()) instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(
          Reason.ENGINE_UNAVAILABLE,
          "engine '%s' cannot be used here: %s".formatted(engine.name(), reason));
    }
    Loaded loaded;
    try (MemoryRoom.Reserved _ = reserve(engine, model)) {
      loaded = sized(engine, model, options);
      if (options.memoryArena() && MeasuredRuns.isOpenByValue(loaded.model.signature())) {
        // No smaller run tells what its runs take, and an engine gives its first one's memory back
        // only with the model: so it keeps none.
        loaded.model.close();
        loaded = sized(engine, model, options.withoutMemoryArena());
      }
    }
    if (!loaded.model.faults().isEmpty()) {
      // It answers, but slower than its profile promises: somebody has to look.
      log.atWarn()
          .addKeyValue("file", model.getFileName())
          .addKeyValue("providers", loaded.model.providers())
          .addKeyValue("faults", loaded.model.faults())
          .log("execution providers are not used");
    }
    // Where nobody knows what can be had nothing is refused, and so nothing measured.
    LoadedModel measured =
        room.free().isPresent() ? MeasuredRuns.of(loaded.model, runs, memory) : loaded.model;
    LoadedModel served = measured;
    OptionalLong bytes = loaded.bytes;
    if (batching.isPresent()) {
      OptionalLong before = EngineMemory.inUse();
      served = batching.get().measured(measured, System::nanoTime);
      bytes = more(bytes, before);
    }
    return bytes.isPresent()
        ? new SizedModel(served, EngineMemory::inUse, bytes.getAsLong())
        : served;
  }

  /**
   * A model as its engine loaded it.
   *
   * @param bytes that the load took; empty where nobody knows
   */
  private record Loaded(LoadedModel model, OptionalLong bytes) {}

  /** Loads it and counts what that takes: nobody else's load may be counted with it. */
  private Loaded sized(InferenceEngine engine, Path model, LoadOptions options)
      throws EngineException {
    long begun = loadsBegun.incrementAndGet();
    boolean alone = loading.getAndIncrement() == 0;
    try {
      OptionalLong before = alone ? EngineMemory.inUse() : OptionalLong.empty();
      LoadedModel loaded = guarded(engine, model, () -> engine.load(model, options));
      return new Loaded(
          loaded,
          loadsBegun.get() == begun ? more(OptionalLong.of(0), before) : OptionalLong.empty());
    } finally {
      loading.decrementAndGet();
    }
  }

  /** With what is used now and was not before; empty where something is not known. */
  private static OptionalLong more(OptionalLong bytes, OptionalLong before) {
    OptionalLong now = EngineMemory.inUse();
    return bytes.isPresent() && before.isPresent() && now.isPresent()
        ? OptionalLong.of(bytes.getAsLong() + Math.max(0, now.getAsLong() - before.getAsLong()))
        : OptionalLong.empty();
  }

  /** What an engine does with a model's file. */
  private interface Work<T> {
    T result() throws EngineException;
  }

  /** Whatever a library throws at a model refuses that model, and nothing else. */
  private static <T> T guarded(InferenceEngine engine, Path model, Work<T> work)
      throws EngineException {
    try {
      return work.result();
    } catch (OutOfMemoryError e) {
      throw refused(Reason.OUT_OF_MEMORY, engine, model, e);
    } catch (StackOverflowError | LinkageError | RuntimeException e) {
      throw refused(Reason.MODEL_INVALID, engine, model, e);
    }
  }

  private static EngineException refused(
      Reason reason, InferenceEngine engine, Path model, Throwable cause) {
    return new EngineException(
        reason,
        "engine '%s' cannot load %s: %s".formatted(engine.name(), model.getFileName(), cause),
        cause);
  }

  private Optional<InferenceEngine> engine(String name) {
    return engines.stream().filter(engine -> engine.name().equals(name)).findFirst();
  }
}
