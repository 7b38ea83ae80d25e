package io.skerry.agent.model;

/** Why there is no prediction. The message says what, which and what is right. */
public final class PredictException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Code code;

  /** What kind of failure; names are those of gRPC's status codes. */
  public enum Code {
    /** The request does not fit the model. */
    INVALID_ARGUMENT,
    /** No such model or version. */
    NOT_FOUND,
    /** The model is known, but cannot answer now. */
    UNAVAILABLE,
    /** The engine failed. */
    INTERNAL
  }

  public PredictException(Code code, String message) {
    super(message);
    this.code = code;
  }

  public PredictException(Code code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** What kind of failure. */
  public Code code() {
    return code;
  }
}
