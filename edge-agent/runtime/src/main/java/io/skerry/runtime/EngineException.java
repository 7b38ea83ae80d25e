package io.skerry.runtime;

/** An engine refused a model or failed a run. */
public final class EngineException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** What kind of failure. */
  public enum Reason {
    /** The engine cannot be used on this machine. */
    ENGINE_UNAVAILABLE,
    /** The file is no model that this engine runs. */
    MODEL_INVALID,
    /** An input does not fit the model's signature. */
    INPUT_INVALID,
    /** The engine asked for more memory than there is. */
    OUT_OF_MEMORY,
    /** The run would take more memory than there is now; it was not begun. */
    NO_ROOM,
    /** The engine failed while running. */
    RUN_FAILED,
    /** Whoever wanted the run no longer does. */
    STOPPED,
    /** The run would have to wait, and its thread may not; it was not begun. */
    MUST_WAIT
  }

  public EngineException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public EngineException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** What kind of failure. */
  public Reason reason() {
    return reason;
  }
}
