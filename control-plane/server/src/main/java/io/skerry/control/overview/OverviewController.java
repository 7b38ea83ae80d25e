package io.skerry.control.overview;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.sse.Event;
import io.skerry.api.Overview;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import org.reactivestreams.Publisher;

/** The overview: as JSON, as the console's first page and in parts. */
@Controller
@Allowed(Role.VIEWER)
final class OverviewController {
  private final OverviewSource source;
  private final LiveOverview live;

  OverviewController(OverviewSource source, LiveOverview live) {
    this.source = source;
    this.live = live;
  }

  @Get("/v1/overview")
  Overview overview() {
    return source.now();
  }

  @Get("/v1/events")
  @Produces(MediaType.TEXT_EVENT_STREAM)
  Publisher<Event<String>> events() {
    if (live.isFull()) {
      throw new ProblemException(
          ErrorCode.UNAVAILABLE,
          "%d browsers listen already: read GET /v1/overview instead"
              .formatted(LiveOverview.LISTENERS_MAX));
    }
    return live.events();
  }

  @Get("/")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> page(Actor actor) {
    return PageHeaders.on(HttpResponse.ok(live.page(actor.name())));
  }

  @Get("/parts/{name}")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> part(String name) {
    Part part =
        Part.named(name)
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.NOT_FOUND, "the page has no part '%s'".formatted(name)));
    return PageHeaders.on(HttpResponse.ok(live.part(part)));
  }
}
