package io.skerry.artifact.sign;

/** A signature that does not verify, or that nobody trusted made; the text says which. */
public final class SignatureInvalidException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public SignatureInvalidException(String message) {
    super(message);
  }

  public SignatureInvalidException(String message, Throwable cause) {
    super(message, cause);
  }
}
