package io.skerry.control.web;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.skerry.api.Problem;
import io.skerry.control.sql.DatabaseException;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers what nobody expected: the log has the cause, the caller the request id to find it. */
@Singleton
final class UnexpectedHandler implements ExceptionHandler<RuntimeException, HttpResponse<Problem>> {
  private static final Logger log = LoggerFactory.getLogger(UnexpectedHandler.class);

  @Override
  @SuppressWarnings("rawtypes") // The interface asks for the raw type.
  public HttpResponse<Problem> handle(HttpRequest request, RuntimeException exception) {
    HttpRequest<?> asked = request;
    if (exception instanceof IllegalArgumentException) {
      return Problems.answer(
          asked, ErrorCode.REQUEST_INVALID, String.valueOf(exception.getMessage()));
    }
    log.atError()
        .setCause(exception)
        .addKeyValue("method", asked.getMethodName())
        .addKeyValue("path", asked.getPath())
        .addKeyValue("request", RequestIds.of(asked))
        .log("request failed unexpectedly");
    ErrorCode code =
        exception instanceof DatabaseException ? ErrorCode.UNAVAILABLE : ErrorCode.INTERNAL;
    return Problems.answer(
        asked, code, "the server failed; its log has the cause under the request id");
  }
}
