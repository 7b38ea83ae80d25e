package io.skerry.profile;

import java.util.Map;

/**
 * How engines run models on a board.
 *
 * @param acceleratorOnly whether a model that would run on the processor is refused instead
 * @param memoryArena whether ONNX Runtime keeps the memory of a run for the next one: faster, but
 *     what one large run needed is kept
 * @param libraries files of plug-in execution providers by their name, and of TFLite's external
 *     delegate by {@value #TFLITE_DELEGATE}
 */
public record EngineSettings(
    boolean acceleratorOnly, boolean memoryArena, Map<String, String> libraries) {
  /** Whose library is TFLite's external delegate. */
  public static final String TFLITE_DELEGATE = "tflite-delegate";

  /** The processor is good enough, memory is kept, nothing is plugged in. */
  public static final EngineSettings DEFAULTS = new EngineSettings(false, true, Map.of());

  public EngineSettings {
    libraries = Map.copyOf(libraries);
  }
}
