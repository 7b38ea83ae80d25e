package io.skerry.agent.identity;

/** The device has no key that can be used: it cannot log in. The text says what to do. */
public final class NoKeyException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** Without a key for this reason. */
  public NoKeyException(String message) {
    super(message);
  }
}
