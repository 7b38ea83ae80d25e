package io.skerry.agent.model;

/** Why there is no prediction. The message says what, which and what is right. */
public sealed class PredictException extends Exception permits MustWaitException {
  private static final long serialVersionUID = 1L;

  private final Code code;

  /** What kind of failure; names are those of gRPC's status codes. */
  public enum Code {
    /** The request does not fit the model. */
    INVALID_ARGUMENT,
    /** No such model or version. */
    NOT_FOUND,
    /** What was to be made is there already. */
    ALREADY_EXISTS,
    /** The model is known, but cannot answer now; or the agent was told not to do this. */
    UNAVAILABLE,
    /** This agent does not do that. */
    UNIMPLEMENTED,
    /** A bound was reached. */
    RESOURCE_EXHAUSTED,
    /** The client has gone. */
    CANCELLED,
    /** The client's deadline has passed. */
    DEADLINE_EXCEEDED,
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
  public final Code code() {
    return code;
  }
}
