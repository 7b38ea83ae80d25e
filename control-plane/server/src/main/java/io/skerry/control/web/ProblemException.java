package io.skerry.control.web;

import io.skerry.api.FieldError;
import io.skerry.protocol.ErrorCode;
import java.util.List;
import java.util.stream.Collectors;

/** A request cannot be done; the message says what, which and what may be done next. */
public final class ProblemException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  @SuppressWarnings("serial") // Nobody writes a problem to a stream.
  private final List<FieldError> errors;

  public ProblemException(ErrorCode code, String detail) {
    this(code, detail, List.of());
  }

  public ProblemException(ErrorCode code, String detail, Throwable cause) {
    super(detail, cause);
    this.code = code;
    this.errors = List.of();
  }

  public ProblemException(ErrorCode code, String detail, List<FieldError> errors) {
    super(detail);
    this.code = code;
    this.errors = List.copyOf(errors);
  }

  /** A field of the request that cannot be. */
  public static ProblemException ofField(ErrorCode code, String field, String message) {
    return new ProblemException(
        code, field + ": " + message, List.of(new FieldError(field, message)));
  }

  /** Fields of the request that cannot be, at least one; each is told. */
  public static ProblemException ofFields(ErrorCode code, List<FieldError> errors) {
    return new ProblemException(
        code,
        errors.stream()
            .map(
                error ->
                    error.field().isEmpty()
                        ? error.message()
                        : error.field() + ": " + error.message())
            .collect(Collectors.joining("; ")),
        errors);
  }

  /** Fields of the request that are wrong; empty when it is none. */
  public List<FieldError> errors() {
    return errors;
  }

  /** Why. */
  public ErrorCode code() {
    return code;
  }
}
