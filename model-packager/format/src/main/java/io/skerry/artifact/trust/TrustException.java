package io.skerry.artifact.trust;

import io.skerry.protocol.ErrorCode;

/** A root or snapshot that is refused. What was known before stays as it was. */
public final class TrustException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public TrustException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  public TrustException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** {@code ROOT_INVALID}, {@code SNAPSHOT_INVALID} or {@code SNAPSHOT_EXPIRED}. */
  public ErrorCode code() {
    return code;
  }
}
