package io.skerry.control.overview;

import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.ResponseFilter;
import io.micronaut.http.annotation.ServerFilter;

/** Shows the sign-in page where a browser would see the problem that it is not signed in. */
@ServerFilter({
  "/",
  "/rollouts/**",
  "/models/**",
  "/drift/**",
  "/incidents/**",
  "/accuracy",
  "/labelling/**",
  "/dataflow",
  "/alerts"
})
final class SignInFilter implements Ordered {
  private final LiveOverview pages;

  SignInFilter(LiveOverview pages) {
    this.pages = pages;
  }

  @Override
  public int getOrder() {
    return Ordered.HIGHEST_PRECEDENCE;
  }

  @ResponseFilter
  MutableHttpResponse<?> answer(HttpRequest<?> request, MutableHttpResponse<?> response) {
    boolean asksForPage = request.accept().contains(MediaType.TEXT_HTML_TYPE);
    if (response.code() != HttpStatus.UNAUTHORIZED.getCode() || !asksForPage) {
      return response;
    }
    return PageHeaders.on(
        HttpResponse.<String>status(HttpStatus.UNAUTHORIZED)
            .contentType(MediaType.TEXT_HTML_TYPE)
            .body(pages.login("")));
  }
}
