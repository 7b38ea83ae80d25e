package io.skerry.agent.identity;

/** A device could not be enrolled; the message is one line for the person who tries. */
public final class EnrolmentException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Makes one. */
  public EnrolmentException(String message) {
    super(message);
  }

  /** Makes one. */
  public EnrolmentException(String message, Throwable cause) {
    super(message, cause);
  }
}
