package io.skerry.protocol;

/** A message that cannot be read; the text says which part and why. */
public class MalformedDocumentException extends Exception {
  private static final long serialVersionUID = 1L;

  public MalformedDocumentException(String message) {
    super(message);
  }

  public MalformedDocumentException(String message, Throwable cause) {
    super(message, cause);
  }
}
