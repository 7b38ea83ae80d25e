package io.skerry.artifact.onnx;

import java.util.Optional;

/** Weights that are not where a model says, or may not be there; one line with what to do. */
public final class WeightsRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String constant;

  WeightsRefusedException(String message) {
    super(message);
    this.constant = "";
  }

  WeightsRefusedException(String message, Throwable cause) {
    this("", message, cause);
  }

  private WeightsRefusedException(String constant, String message, Throwable cause) {
    super(message, cause);
    this.constant = constant;
  }

  private WeightsRefusedException(String constant, String message) {
    super(message);
    this.constant = constant;
  }

  /** A refusal of one constant. */
  static WeightsRefusedException of(String constant, String message) {
    return new WeightsRefusedException(constant, message);
  }

  /** The constant that is refused; absent if it is not one alone. */
  Optional<String> constant() {
    return constant.isEmpty() ? Optional.empty() : Optional.of(constant);
  }

  /** The same refusal with the node that reads the constant before the message. */
  WeightsRefusedException readBy(String node) {
    return new WeightsRefusedException(constant, node + ": " + getMessage(), this);
  }
}
