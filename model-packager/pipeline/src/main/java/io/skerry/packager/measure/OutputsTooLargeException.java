package io.skerry.packager.measure;

/** What a model says of all items has no room. The message is one line: cause and remedy. */
public final class OutputsTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OutputsTooLargeException(String message) {
    super(message);
  }

  OutputsTooLargeException(String message, Throwable cause) {
    super(message, cause);
  }
}
