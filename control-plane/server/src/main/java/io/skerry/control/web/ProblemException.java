package io.skerry.control.web;

import io.skerry.protocol.ErrorCode;

/** A request cannot be done; the message says what, which and what may be done next. */
public final class ProblemException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public ProblemException(ErrorCode code, String detail) {
    super(detail);
    this.code = code;
  }

  public ProblemException(ErrorCode code, String detail, Throwable cause) {
    super(detail, cause);
    this.code = code;
  }

  /** Why. */
  public ErrorCode code() {
    return code;
  }
}
