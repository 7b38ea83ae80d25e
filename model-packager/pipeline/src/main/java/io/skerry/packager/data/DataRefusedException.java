package io.skerry.packager.data;

/** Data that does not fit the model. The message is one line: file, cause, remedy. */
public final class DataRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DataRefusedException(String message) {
    super(message);
  }

  public DataRefusedException(String message, Throwable cause) {
    super(message, cause);
  }
}
