package io.skerry.control.web;

import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ResponseFilter;
import io.micronaut.http.annotation.ServerFilter;
import java.util.UUID;

/** Gives every request an id, which its answer, its problems and its audit rows carry. */
@ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
public final class RequestIds implements Ordered {
  /** Before every other filter of ours. */
  public static final int ORDER = -10_000;

  private static final String ATTRIBUTE = "skerry.request-id";
  private static final String HEADER = "X-Request-Id";

  @Override
  public int getOrder() {
    return ORDER;
  }

  @RequestFilter
  void assign(HttpRequest<?> request) {
    request.setAttribute(ATTRIBUTE, UUID.randomUUID().toString());
  }

  @ResponseFilter
  void tell(HttpRequest<?> request, MutableHttpResponse<?> response) {
    response.header(HEADER, of(request));
  }

  /** The id of a request. */
  public static String of(HttpRequest<?> request) {
    return request.getAttribute(ATTRIBUTE, String.class).orElse("");
  }
}
