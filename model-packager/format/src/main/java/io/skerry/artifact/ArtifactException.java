package io.skerry.artifact;

import io.skerry.protocol.ErrorCode;

/** An artifact that cannot be used, and what may be done next. */
public final class ArtifactException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public ArtifactException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  public ArtifactException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Names the fault on the wire. */
  public ErrorCode code() {
    return code;
  }
}
