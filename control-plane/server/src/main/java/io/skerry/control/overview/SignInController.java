package io.skerry.control.overview;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.skerry.control.access.ConsoleSessions;
import io.skerry.control.access.Open;
import java.net.URI;
import java.util.Map;

/** The way into the console and out of it. */
@Controller
@Open
final class SignInController {
  private static final URI FIRST_PAGE = URI.create("/");

  private final ConsoleSessions sessions;
  private final LiveOverview pages;

  SignInController(ConsoleSessions sessions, LiveOverview pages) {
    this.sessions = sessions;
    this.pages = pages;
  }

  @Get("/login")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> form() {
    return PageHeaders.on(HttpResponse.ok(pages.login("")));
  }

  @Post("/login")
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> signIn(@Body Map<String, String> form) {
    return sessions
        .open(form.getOrDefault("token", "").strip())
        .map(cookie -> HttpResponse.<String>seeOther(FIRST_PAGE).cookie(cookie))
        .orElseGet(
            () ->
                PageHeaders.on(
                    HttpResponse.<String>status(HttpStatus.UNAUTHORIZED)
                        .body(pages.login("Nobody has this token."))));
  }

  @Post("/logout")
  @Consumes(MediaType.ALL)
  MutableHttpResponse<String> signOut(HttpRequest<?> request) {
    return HttpResponse.<String>seeOther(URI.create("/login")).cookie(sessions.closed());
  }
}
