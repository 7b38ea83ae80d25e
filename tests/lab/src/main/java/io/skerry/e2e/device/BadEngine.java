package io.skerry.e2e.device;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceLoader;

/**
 * The real ONNX engine, which a model that holds {@value #DEADLY} takes down with the whole process
 * when it is loaded, as a fault in native code does.
 */
final class BadEngine implements InferenceEngine {
  static final String DEADLY = "deadly-at-load";

  private static final int SEGMENTATION_FAULT = 139;

  private static final String ONNX = "onnxruntime";

  private final InferenceEngine real;

  private BadEngine(InferenceEngine real) {
    this.real = real;
  }

  static EngineCatalog catalog() {
    return new EngineCatalog(
        ServiceLoader.load(InferenceEngine.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(
                engine ->
                    engine.name().equals(ONNX) || Boolean.getBoolean(FaultyAgentMain.ALL_ENGINES))
            .map(engine -> engine.name().equals(ONNX) ? new BadEngine(engine) : engine)
            .toList());
  }

  @Override
  public String name() {
    return real.name();
  }

  @Override
  public String fileExtension() {
    return real.fileExtension();
  }

  @Override
  public EngineStatus probe() {
    return real.probe();
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    try {
      String content = new String(Files.readAllBytes(model), StandardCharsets.ISO_8859_1);
      if (content.contains(DEADLY)) {
        Runtime.getRuntime().halt(SEGMENTATION_FAULT);
      }
    } catch (IOException e) {
      throw new EngineException(
          EngineException.Reason.MODEL_INVALID, String.valueOf(e.getMessage()), e);
    }
    return real.load(model, options);
  }
}
