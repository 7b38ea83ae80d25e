package io.skerry.artifact.onnx;

/** Weights that are not where a model says, or may not be there; one line with what to do. */
public final class WeightsRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  WeightsRefusedException(String message) {
    super(message);
  }

  WeightsRefusedException(String message, Throwable cause) {
    super(message, cause);
  }
}
