package io.skerry.control.web;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.server.exceptions.ExceptionHandler;
import io.skerry.api.Problem;
import jakarta.inject.Singleton;

/** Answers a {@link ProblemException} with its problem document. */
@Singleton
final class ProblemHandler implements ExceptionHandler<ProblemException, HttpResponse<Problem>> {
  @Override
  @SuppressWarnings("rawtypes") // The interface asks for the raw type.
  public HttpResponse<Problem> handle(HttpRequest request, ProblemException exception) {
    HttpRequest<?> asked = request;
    return Problems.answer(asked, exception);
  }
}
