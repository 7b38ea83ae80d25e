package io.skerry.control.web;

import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.server.exceptions.response.ErrorContext;
import io.micronaut.http.server.exceptions.response.ErrorResponseProcessor;
import io.skerry.api.Problem;
import jakarta.inject.Singleton;
import java.util.stream.Collectors;

/** Gives Micronaut's own errors (no such route, unreadable body) the form of ours. */
@Singleton
final class FrameworkErrors implements ErrorResponseProcessor<Problem> {
  @Override
  public MutableHttpResponse<Problem> processResponse(
      ErrorContext context, MutableHttpResponse<?> base) {
    String detail =
        context.getErrors().stream()
            .map(error -> error.getPath().map(path -> path + ": ").orElse("") + error.getMessage())
            .collect(Collectors.joining("; "));
    return Problems.answer(
        base,
        context.getRequest(),
        Problems.code(base.getStatus()),
        detail.isEmpty() ? base.getStatus().getReason() : detail);
  }
}
