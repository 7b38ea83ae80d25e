package io.skerry.runtime.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtEpDevice;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtHardwareDevice;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession.SessionOptions;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import ai.onnxruntime.providers.OrtTensorRTProviderOptions;
import io.skerry.runtime.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** Registers execution providers for one session, in the order that is wanted. */
final class OnnxProviders implements AutoCloseable {
  private static final Set<Path> PLUGGED_IN = ConcurrentHashMap.newKeySet();

  private final OrtEnvironment environment;
  private final SessionOptions session;
  private final LoadOptions options;
  private final Optional<CompileCache> cache;
  private Path file;
  private Optional<Path> compiling = Optional.empty();

  OnnxProviders(
      OrtEnvironment environment, SessionOptions session, Path model, LoadOptions options) {
    this.environment = environment;
    this.session = session;
    this.options = options;
    this.file = model;
    this.cache = options.cache().map(folder -> CompileCache.of(folder, model, environment));
  }

  /** The model to load: what was compiled from it before, when there is that. */
  Path file() {
    return file;
  }

  /**
   * Registers what is wanted and can be used.
   *
   * @param faults why others cannot is added to it
   * @return what was registered, without the processor
   */
  List<String> register(Set<String> faults) throws OrtException {
    EnumSet<OrtProvider> present = OrtEnvironment.getAvailableProviders();
    List<String> used = new ArrayList<>();
    for (String provider : options.providers()) {
      if (options.libraries().containsKey(provider)) {
        pluggedIn(provider, used, faults);
        continue;
      }
      switch (provider) {
        case "tensorrt" ->
            built(provider, OrtProvider.TENSOR_RT, present, this::tensorrt, used, faults);
        case "cuda" -> built(provider, OrtProvider.CUDA, present, this::cuda, used, faults);
        case "openvino" ->
            built(
                provider,
                OrtProvider.OPEN_VINO,
                present,
                () -> session.addOpenVINO("AUTO"),
                used,
                faults);
        case "cpu" -> {}
        default -> pluggedIn(provider, used, faults);
      }
    }
    return used;
  }

  private interface Registration {
    void register() throws OrtException;
  }

  private static void built(
      String name,
      OrtProvider provider,
      EnumSet<OrtProvider> present,
      Registration registration,
      List<String> used,
      Set<String> faults) {
    if (!present.contains(provider)) {
      faults.add(
          "%s: this ONNX Runtime has only %s"
              .formatted(name, present.stream().map(OnnxEngine::text).toList()));
      return;
    }
    try {
      registration.register();
      used.add(name);
    } catch (OrtException e) {
      faults.add("%s: %s".formatted(name, OrtErrors.oneLine(e)));
    }
  }

  private void cuda() throws OrtException {
    try (OrtCUDAProviderOptions cuda = new OrtCUDAProviderOptions(0)) {
      // Doubling what is needed, as it does by itself, starves whoever shares the card.
      cuda.add("arena_extend_strategy", "kSameAsRequested");
      session.addCUDA(cuda);
    }
  }

  private void tensorrt() throws OrtException {
    try (OrtTensorRTProviderOptions tensorrt = new OrtTensorRTProviderOptions(0)) {
      Optional<Path> folder = cache.flatMap(known -> known.folder("tensorrt", List.of()));
      if (folder.isPresent()) {
        tensorrt.add("trt_engine_cache_enable", "1");
        tensorrt.add("trt_engine_cache_path", folder.get().toString());
        tensorrt.add("trt_timing_cache_enable", "1");
        tensorrt.add("trt_timing_cache_path", folder.get().toString());
      }
      session.addTensorrt(tensorrt);
    }
  }

  private void pluggedIn(String name, List<String> used, Set<String> faults) {
    Path library = options.libraries().get(name);
    if (library == null) {
      faults.add(
          "%s: no library for it is configured, and this ONNX Runtime itself has only %s"
              .formatted(
                  name,
                  OrtEnvironment.getAvailableProviders().stream().map(OnnxEngine::text).toList()));
      return;
    }
    try {
      List<OrtEpDevice> devices = devices(name, library);
      if (devices.isEmpty()) {
        faults.add("%s: its library %s finds no device here".formatted(name, library));
        return;
      }
      session.addExecutionProvider(devices, Map.of());
      List<String> parts = parts(library, devices);
      Optional<Path> folder = cache.flatMap(known -> known.folder(name, parts));
      if (folder.isPresent()) {
        useCompiled(folder.get());
      }
      used.add(name);
    } catch (OrtException | IOException e) {
      faults.add("%s: %s".formatted(name, OrtErrors.oneLine(e)));
    }
  }

  // What is compiled for one of them is not for another.
  private static List<String> parts(Path library, List<OrtEpDevice> devices) throws IOException {
    List<String> parts = new ArrayList<>();
    parts.add("%s %s".formatted(Files.size(library), Files.getLastModifiedTime(library)));
    for (OrtEpDevice device : devices) {
      OrtHardwareDevice hardware = device.getDevice();
      parts.add(
          "%s %s %s %s %s %s %s"
              .formatted(
                  device.getEpName(),
                  device.getEpVendor(),
                  new TreeMap<>(device.getEpMetadata()),
                  hardware.getType(),
                  hardware.getVendorId(),
                  hardware.getDeviceId(),
                  hardware.getVendor()));
    }
    return parts;
  }

  private void useCompiled(Path folder) throws OrtException, IOException {
    Optional<Path> compiled = CompileCache.compiled(folder);
    if (compiled.isPresent()) {
      file = compiled.get();
    } else if (compiling.isEmpty()) {
      Path part = CompileCache.part(folder);
      compiling = Optional.of(part);
      session.addConfigEntry("ep.context_enable", "1");
      session.addConfigEntry("ep.context_embed_mode", "1");
      session.addConfigEntry("ep.context_file_path", part.toString());
    }
  }

  /** The session is there, and with it what was compiled for it: the next load begins with that. */
  void keepCompiled() {
    compiling.ifPresent(CompileCache::publish);
    compiling = Optional.empty();
  }

  @Override
  public void close() {
    compiling.ifPresent(CompileCache::drop);
  }

  private List<OrtEpDevice> devices(String name, Path library) throws OrtException, IOException {
    Path real = library.toRealPath();
    synchronized (PLUGGED_IN) {
      if (!PLUGGED_IN.contains(real)) {
        environment.registerExecutionProviderLibrary(name, real.toString());
        PLUGGED_IN.add(real);
      }
    }
    return environment.getEpDevices().stream()
        .filter(device -> device.getEpName().toLowerCase(Locale.ROOT).startsWith(name))
        .toList();
  }
}
