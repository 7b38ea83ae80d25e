package io.skerry.profile;

import java.util.Optional;

/** An engine that runs models; its text is what files and APIs hold. */
public enum Engine {
  ONNXRUNTIME("onnxruntime"),
  TFLITE("tflite");

  private final String text;

  Engine(String text) {
    this.text = text;
  }

  /** The engine of this text. */
  public static Optional<Engine> parse(String text) {
    for (Engine engine : values()) {
      if (engine.text.equals(text)) {
        return Optional.of(engine);
      }
    }
    return Optional.empty();
  }

  /** As files and APIs write it. */
  public String text() {
    return text;
  }

  @Override
  public String toString() {
    return text;
  }
}
