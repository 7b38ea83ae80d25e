package io.skerry.protocol;

/** A message of a newer version, whole but with a part that this one does not know. */
public final class UnsupportedDocumentException extends MalformedDocumentException {
  private static final long serialVersionUID = 1L;

  public UnsupportedDocumentException(String message) {
    super(message);
  }
}
