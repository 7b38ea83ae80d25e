package io.skerry.runtime.tflite;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.tensorflowlite.global.tensorflowlite;

/** Runs TFLite models; optional, because its native library needs glibc 2.34 or newer. */
public final class TfliteEngine implements InferenceEngine {
  /** The engine's name in profiles, reports and metrics. */
  public static final String NAME = "tflite";

  private static final Duration PROFILE_MAX = Duration.ofSeconds(60);

  static {
    // Otherwise the bindings refuse every new object, after seconds of garbage collection, once the
    // process takes four times its largest heap: ours is small, and models lie beside it.
    for (String limit : List.of("maxBytes", "maxPhysicalBytes")) {
      String property = "org.bytedeco.javacpp." + limit;
      System.setProperty(property, System.getProperty(property, "0"));
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String fileExtension() {
    return ".tflite";
  }

  @Override
  public EngineStatus probe() {
    try {
      Loader.load(tensorflowlite.class);
      return new EngineStatus.Available(
          tensorflowlite.TfLiteVersion().getString(), List.of("xnnpack", "cpu"));
    } catch (LinkageError | RuntimeException e) {
      return new EngineStatus.Unavailable(
          "TFLite's native library does not load (it needs glibc 2.34): "
              + String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
    }
  }

  @Override
  public long workingBytes(Path model) throws EngineException {
    return Files.isRegularFile(model) ? FileCheck.check(model) : 0;
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    if (!Files.isRegularFile(model)) {
      throw new EngineException(Reason.MODEL_INVALID, "no model file at " + model);
    }
    if (probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(Reason.ENGINE_UNAVAILABLE, reason);
    }
    return TfliteModel.open(model, options);
  }

  @Override
  public OperatorProfile profile(Path model, LoadOptions options, List<Tensor> inputs, int runs)
      throws EngineException {
    if (probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(Reason.ENGINE_UNAVAILABLE, reason);
    }
    return TfliteModel.profile(model, options, inputs, runs, PROFILE_MAX);
  }
}
