package io.skerry.control.web;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.skerry.api.FieldError;
import io.skerry.api.Problem;
import io.skerry.protocol.ErrorCode;
import java.util.List;
import java.util.Locale;

/** Builds problem documents. */
final class Problems {
  static final MediaType TYPE = MediaType.of("application/problem+json");

  private Problems() {}

  static MutableHttpResponse<Problem> answer(
      HttpRequest<?> request, ErrorCode code, String detail) {
    return answer(HttpResponse.status(status(code)), request, code, detail);
  }

  static MutableHttpResponse<Problem> answer(HttpRequest<?> request, ProblemException exception) {
    return answer(
        HttpResponse.status(status(exception.code())),
        request,
        exception.code(),
        String.valueOf(exception.getMessage()),
        exception.errors());
  }

  static MutableHttpResponse<Problem> answer(
      MutableHttpResponse<?> base, HttpRequest<?> request, ErrorCode code, String detail) {
    return answer(base, request, code, detail, List.of());
  }

  private static MutableHttpResponse<Problem> answer(
      MutableHttpResponse<?> base,
      HttpRequest<?> request,
      ErrorCode code,
      String detail,
      List<FieldError> errors) {
    int status = base.code();
    Problem problem =
        new Problem(
            "https://skerry.io/problems/" + code.name().toLowerCase(Locale.ROOT),
            title(code),
            status,
            detail,
            request.getPath(),
            code.name(),
            code.retry().name(),
            RequestIds.of(request),
            errors.isEmpty() ? null : errors);
    if (code == ErrorCode.NOT_AUTHENTICATED) {
      base.header("WWW-Authenticate", "Bearer realm=\"skerry\"");
    }
    return base.body(problem).contentType(TYPE);
  }

  static ErrorCode code(HttpStatus status) {
    return switch (status) {
      case UNAUTHORIZED -> ErrorCode.NOT_AUTHENTICATED;
      case FORBIDDEN -> ErrorCode.NOT_ALLOWED;
      case NOT_FOUND -> ErrorCode.NOT_FOUND;
      case CONFLICT -> ErrorCode.STATE_CONFLICT;
      case SERVICE_UNAVAILABLE -> ErrorCode.UNAVAILABLE;
      default -> status.getCode() < 500 ? ErrorCode.REQUEST_INVALID : ErrorCode.INTERNAL;
    };
  }

  private static HttpStatus status(ErrorCode code) {
    return switch (code) {
      case NOT_AUTHENTICATED -> HttpStatus.UNAUTHORIZED;
      case NOT_ALLOWED -> HttpStatus.FORBIDDEN;
      case NOT_FOUND, ARTIFACT_NOT_FOUND -> HttpStatus.NOT_FOUND;
      case ALREADY_EXISTS, STATE_CONFLICT, SUPERSEDED -> HttpStatus.CONFLICT;
      case PRECONDITION_REQUIRED -> HttpStatus.PRECONDITION_REQUIRED;
      case CHANGED_MEANWHILE -> HttpStatus.PRECONDITION_FAILED;
      case REQUEST_INVALID -> HttpStatus.BAD_REQUEST;
      case UNAVAILABLE, ENGINE_UNAVAILABLE -> HttpStatus.SERVICE_UNAVAILABLE;
      case STORAGE_FULL -> HttpStatus.INSUFFICIENT_STORAGE;
      case STORAGE_FAILED, DOWNLOAD_FAILED, INTERNAL -> HttpStatus.INTERNAL_SERVER_ERROR;
      case ARTIFACT_DIGEST_MISMATCH,
          ARTIFACT_MALFORMED,
          ARTIFACT_SIGNATURE_INVALID,
          ARTIFACT_TOO_LARGE,
          PROFILE_UNSUPPORTED,
          MODEL_LOAD_FAILED,
          GOLDEN_MISMATCH,
          ACCEPTANCE_LATENCY,
          ACCEPTANCE_MEMORY,
          PROBATION_FAILED,
          CRASH_LOOP,
          UNIT_BROKEN,
          TRIAL_UNFIT,
          DOWNLOAD_BUDGET_SPENT,
          IDENTITY_UNUSABLE,
          ROOT_INVALID,
          SNAPSHOT_EXPIRED,
          SNAPSHOT_INVALID,
          RELEASE_NOT_DELEGATED,
          RELEASE_COUNTER_TOO_LOW,
          DESIRED_EXPIRED,
          DESIRED_MALFORMED,
          DESIRED_SIGNATURE_INVALID,
          DESIRED_UNSUPPORTED,
          DATASET_INVALID,
          RUN_FAILED,
          PACKAGING_FAILED ->
          HttpStatus.UNPROCESSABLE_ENTITY;
    };
  }

  private static String title(ErrorCode code) {
    String words = code.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    return Character.toUpperCase(words.charAt(0)) + words.substring(1);
  }
}
