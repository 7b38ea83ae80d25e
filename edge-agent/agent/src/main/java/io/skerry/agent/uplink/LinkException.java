package io.skerry.agent.uplink;

/** A message could not be published; the same call may succeed later. */
public final class LinkException extends Exception {
  private static final long serialVersionUID = 1L;

  public LinkException(String message) {
    super(message);
  }

  public LinkException(String message, Throwable cause) {
    super(message, cause);
  }
}
