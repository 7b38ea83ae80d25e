package io.skerry.runtime;

import java.nio.file.Path;

/** An inference engine. Implementations have a public constructor that loads nothing native. */
public interface InferenceEngine {
  /** The engine's name in profiles, reports and metrics: {@code onnxruntime} or {@code tflite}. */
  String name();

  /** The ending of the model files that this engine reads: {@code .onnx} or {@code .tflite}. */
  String fileExtension();

  /** Loads the native library, once, and says whether the engine can be used here. Never throws. */
  EngineStatus probe();

  /**
   * Loads a model.
   *
   * @throws EngineException if the engine is not available, or the file is no model it can run
   */
  LoadedModel load(Path model, LoadOptions options) throws EngineException;
}
