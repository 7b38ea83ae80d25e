package io.skerry.agent.serve;

/** The agent cannot listen where it was told to; the message says what to do. */
public final class ListenException extends Exception {
  private static final long serialVersionUID = 1L;

  public ListenException(String message) {
    super(message);
  }

  public ListenException(String message, Throwable cause) {
    super(message, cause);
  }
}
