package io.skerry.runtime.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtEnvironment.ThreadingOptions;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Runs ONNX models with ONNX Runtime: one session per model, any number of runs at once. */
public final class OnnxEngine implements InferenceEngine {
  /** The engine's name in profiles, reports and metrics. */
  public static final String NAME = "onnxruntime";

  private static final String CPU = "cpu";

  /** Records of the profiler, which all stay in memory until its end. */
  static final int PROFILE_EVENTS_MAX = 20_000;

  private static final int PROFILE_SECONDS_MAX = 60;

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String fileExtension() {
    return ".onnx";
  }

  @Override
  public EngineStatus probe() {
    try {
      OrtEnvironment environment = environment();
      return new EngineStatus.Available(
          environment.getVersion(),
          OrtEnvironment.getAvailableProviders().stream().map(OnnxEngine::text).toList());
    } catch (LinkageError | RuntimeException e) {
      return new EngineStatus.Unavailable("ONNX Runtime does not load: " + OrtErrors.oneLine(e));
    }
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    if (!Files.isRegularFile(model)) {
      throw new EngineException(Reason.MODEL_INVALID, "no model file at " + model);
    }
    if (probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(Reason.ENGINE_UNAVAILABLE, reason);
    }
    return new Fallback(
            model,
            (now, faults) -> load(model, now, options.providers(), faults),
            providers ->
                options
                    .cache()
                    .map(folder -> CompileCache.of(folder, model, environment()))
                    .ifPresent(cache -> cache.forget(providers)))
        .load(options);
  }

  private static LoadedModel load(
      Path model, LoadOptions options, List<String> wanted, Set<String> faults)
      throws OrtException, EngineException {
    OrtEnvironment environment = environment();
    try (SessionOptions session = sessionOptions(options);
        OnnxProviders providers = new OnnxProviders(environment, session, model, options)) {
      List<String> used = providers.register(faults);
      if (used.isEmpty() && options.acceleratorOnly()) {
        throw new EngineException(
            Reason.ENGINE_UNAVAILABLE,
            "%s is to run on an accelerator only, and none of %s can be used: %s"
                .formatted(model.getFileName(), wanted, String.join("; ", faults)));
      }
      if (used.isEmpty() && !wanted.isEmpty() && !wanted.contains(CPU)) {
        throw new EngineException(
            Reason.ENGINE_UNAVAILABLE,
            "none of the execution providers %s is here: %s"
                .formatted(wanted, String.join("; ", faults)));
      }
      if (!options.acceleratorOnly()) {
        used.add(CPU);
      }
      LoadedModel started =
          started(
              environment.createSession(providers.file().toString(), session),
              environment,
              options.memoryArena(),
              used,
              faults);
      providers.keepCompiled();
      return started;
    }
  }

  @Override
  public OperatorProfile profile(Path model, LoadOptions options, List<Tensor> inputs, int runs)
      throws EngineException {
    if (probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(Reason.ENGINE_UNAVAILABLE, reason);
    }
    // The profiler keeps all that it records until it ends: the first run says how much that is.
    OnnxProfile first = profiled(model, options, inputs, 1);
    if (runs == 1) {
      return first.profile();
    }
    int most = Math.clamp(PROFILE_EVENTS_MAX / Math.max(1, first.events()), 1, runs);
    return profiled(model, options, inputs, most).profile();
  }

  private static OnnxProfile profiled(
      Path model, LoadOptions options, List<Tensor> inputs, int runs) throws EngineException {
    OrtEnvironment environment = environment();
    try (SessionOptions wanted = sessionOptions(options);
        OnnxProviders registered = new OnnxProviders(environment, wanted, model, options);
        ScratchFolder scratch = ScratchFolder.make()) {
      List<String> providers = registered.register(new LinkedHashSet<>());
      wanted.enableProfiling(scratch.folder().resolve("run").toString());
      try (OrtSession session = environment.createSession(model.toString(), wanted)) {
        OnnxModel profiled =
            new OnnxModel(
                environment,
                session,
                options.memoryArena(),
                OnnxSignature.of(session),
                providers,
                List.of());
        long end = System.nanoTime() + PROFILE_SECONDS_MAX * 1_000_000_000L;
        int made = 0;
        do {
          profiled.run(inputs);
          made++;
        } while (made < runs && System.nanoTime() < end);
        return OnnxProfile.read(Path.of(session.endProfiling()), made);
      }
    } catch (OrtException e) {
      throw new EngineException(
          OrtErrors.orOutOfMemory(e, Reason.RUN_FAILED), OrtErrors.oneLine(e), e);
    } catch (IOException e) {
      throw new EngineException(
          Reason.RUN_FAILED, "ONNX Runtime's trace cannot be read: " + e.getMessage(), e);
    }
  }

  /** What the profiler writes to; it leaves with everything in it, whatever went wrong. */
  private record ScratchFolder(Path folder) implements AutoCloseable {
    static ScratchFolder make() throws IOException {
      return new ScratchFolder(Files.createTempDirectory("skerry-profile"));
    }

    @Override
    public void close() throws IOException {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }

  private static LoadedModel started(
      OrtSession session,
      OrtEnvironment environment,
      boolean arena,
      List<String> providers,
      Set<String> faults)
      throws OrtException, EngineException {
    boolean started = false;
    try {
      OnnxModel model =
          new OnnxModel(
              environment,
              session,
              arena,
              OnnxSignature.of(session),
              providers,
              List.copyOf(faults));
      started = true;
      return model;
    } finally {
      if (!started) {
        session.close();
      }
    }
  }

  private static SessionOptions sessionOptions(LoadOptions options) throws OrtException {
    SessionOptions session = new SessionOptions();
    session.setInterOpNumThreads(1);
    session.setIntraOpNumThreads(options.threads());
    if (options.threads() > 1 && Environment.shared().pooled()) {
      // All models share one pool: threads of models that rest are those of models that run.
      session.disablePerSessionThreads();
    }
    // Waiting threads that spin cost a device tens of percent of a core between predictions.
    session.addConfigEntry("session.intra_op.allow_spinning", "0");
    session.addConfigEntry("session.inter_op.allow_spinning", "0");
    session.setCPUArenaAllocator(options.memoryArena());
    if (options.acceleratorOnly()) {
      session.addConfigEntry("session.disable_cpu_ep_fallback", "1");
    }
    return session;
  }

  private static OrtEnvironment environment() {
    return Environment.shared().environment();
  }

  /**
   * The one environment of a process.
   *
   * @param pooled whether it has threads that sessions share
   */
  private record Environment(OrtEnvironment environment, boolean pooled) {
    private static final int THREADS_MAX = 8;

    /** Made when it is first asked for. */
    private static final class Lazy {
      private static final Environment SHARED = loaded();
    }

    static Environment shared() {
      return Lazy.SHARED;
    }

    private static Environment loaded() {
      Environment environment = make();
      UnpackedLibraries.forget();
      return environment;
    }

    private static Environment make() {
      try (ThreadingOptions threads = new ThreadingOptions()) {
        threads.setGlobalIntraOpNumThreads(
            Math.clamp(Runtime.getRuntime().availableProcessors(), 1, THREADS_MAX));
        threads.setGlobalInterOpNumThreads(1);
        threads.setGlobalSpinControl(false);
        // What goes wrong is thrown as an exception; the native log would only say it twice.
        return new Environment(
            OrtEnvironment.getEnvironment(
                OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry", threads),
            true);
      } catch (OrtException | IllegalStateException e) {
        // Somebody else in this process made it: it is used as it is.
        return new Environment(OrtEnvironment.getEnvironment(), false);
      }
    }
  }

  static String text(OrtProvider provider) {
    return switch (provider) {
      case TENSOR_RT -> "tensorrt";
      case OPEN_VINO -> "openvino";
      default -> provider.name().toLowerCase(Locale.ROOT).replace('_', '-');
    };
  }
}
