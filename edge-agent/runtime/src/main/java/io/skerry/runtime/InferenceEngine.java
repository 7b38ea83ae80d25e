package io.skerry.runtime;

import java.nio.file.Path;
import java.util.List;

/** An inference engine. Implementations have a public constructor that loads nothing native. */
public interface InferenceEngine {
  /** The engine's name in profiles, reports and metrics: {@code onnxruntime} or {@code tflite}. */
  String name();

  /** The ending of the model files that this engine reads: {@code .onnx} or {@code .tflite}. */
  String fileExtension();

  /** Loads the native library, once, and says whether the engine can be used here. Never throws. */
  EngineStatus probe();

  /**
   * Bytes of memory that a loaded model takes at least, beside what its file has: a small file may
   * ask for large tensors. 0 when the file does not tell. Loads nothing native.
   *
   * @throws EngineException if the file is no model
   */
  default long workingBytes(Path model) throws EngineException {
    return 0;
  }

  /**
   * Loads a model.
   *
   * @throws EngineException if the engine is not available, or the file is no model it can run
   */
  LoadedModel load(Path model, LoadOptions options) throws EngineException;

  /**
   * Loads a model once more and runs it with the engine's profiler on, aside from what serves.
   *
   * @param inputs one tensor per input of the signature, in its order
   * @param runs the most runs; fewer are made where they take too long, or make too many records
   * @throws EngineException if the engine has no profiler, or cannot run the model
   */
  default OperatorProfile profile(Path model, LoadOptions options, List<Tensor> inputs, int runs)
      throws EngineException {
    throw new EngineException(
        EngineException.Reason.ENGINE_UNAVAILABLE,
        "engine '%s' tells no times of single operators".formatted(name()));
  }
}
