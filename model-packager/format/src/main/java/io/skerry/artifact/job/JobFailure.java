package io.skerry.artifact.job;

import io.skerry.protocol.ErrorCode;

/** Why a job cannot succeed, in one line for the person who asked for it. */
public final class JobFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public JobFailure(ErrorCode code, String detail) {
    super(detail);
    this.code = code;
  }

  public JobFailure(ErrorCode code, String detail, Throwable cause) {
    super(detail, cause);
    this.code = code;
  }

  /** What may be done next. */
  public ErrorCode code() {
    return code;
  }
}
