package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Why a request was not done (RFC 9457).
 *
 * @param type a page that explains the code
 * @param title the code in words
 * @param status of the HTTP answer
 * @param detail what, which and what may be done next
 * @param instance the path that was asked
 * @param code name of an {@link io.skerry.protocol.ErrorCode}
 * @param retry name of an {@link io.skerry.protocol.ErrorCode.Retry}
 * @param requestId finds the request in log and audit
 * @param errors fields that are wrong; absent when it is none
 */
public record Problem(
    String type,
    String title,
    int status,
    String detail,
    @Nullable String instance,
    String code,
    String retry,
    String requestId,
    @Nullable List<FieldError> errors) {
  public Problem {
    errors = errors == null ? null : List.copyOf(errors);
  }
}
