package io.skerry.agent.update;

import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A part of an update failed; the code says whether the same may succeed later. */
final class UpdateException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final @Nullable Duration retryAfter;

  UpdateException(ErrorCode code, String message) {
    super(message);
    this.code = code;
    this.retryAfter = null;
  }

  UpdateException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
    this.retryAfter = null;
  }

  /** The other side asked to wait so long. */
  UpdateException(ErrorCode code, String message, Duration retryAfter) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  ErrorCode code() {
    return code;
  }

  Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
