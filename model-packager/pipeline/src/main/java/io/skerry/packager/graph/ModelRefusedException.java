package io.skerry.packager.graph;

/** A model that cannot be packaged. The message is one line: file or node, cause, remedy. */
public final class ModelRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelRefusedException(String message) {
    super(message);
  }

  public ModelRefusedException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The same refusal, with the file it happened in before the message. */
  ModelRefusedException in(String file) {
    return new ModelRefusedException(file + ": " + getMessage(), this);
  }
}
