package io.skerry.agent.update;

import io.skerry.protocol.ErrorCode;

/** A part of an update failed; the code says whether the same may succeed later. */
final class UpdateException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  UpdateException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  UpdateException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  ErrorCode code() {
    return code;
  }
}
