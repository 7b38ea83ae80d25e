package io.skerry.control.access;

import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.http.cookie.Cookie;
import io.micronaut.http.cookie.SameSite;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteMatch;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DevicePort;
import io.skerry.control.web.ProblemException;
import io.skerry.control.web.RequestIds;
import io.skerry.protocol.ErrorCode;
import java.net.URI;
import java.security.cert.X509Certificate;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Lets a request through only if its endpoint names its caller's role, or is open. */
@ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
final class AccessFilter implements Ordered {
  static final String ACTOR = "skerry.actor";
  static final String ROLE = "skerry.role";
  static final String DEVICE = "skerry.device";
  static final String COOKIE = "skerry-token";
  private static final String LINK_TOKEN = "token";

  private final Users users;
  private final DeviceIdentity identities;
  private final DevicePort devicePort;

  AccessFilter(Users users, DeviceIdentity identities, DevicePort devicePort) {
    this.users = users;
    this.identities = identities;
    this.devicePort = devicePort;
  }

  @Override
  public int getOrder() {
    return PortFilter.ORDER + 1;
  }

  @RequestFilter
  @ExecuteOn(TaskExecutors.BLOCKING)
  @Nullable HttpResponse<?> check(HttpRequest<?> request) {
    RouteMatch<?> route = RouteAttributes.getRouteMatch(request).orElse(null);
    if (route == null || route.getAnnotationMetadata().hasAnnotation(Open.class)) {
      return null;
    }
    Optional<String> link = request.getParameters().getFirst(LINK_TOKEN);
    boolean onDevicePort = devicePort.isOf(request);
    if (request.getMethod() == HttpMethod.GET && link.isPresent() && !onDevicePort) {
      return logIn(request, link.get());
    }
    Caller caller =
        caller(request, onDevicePort).orElseThrow(() -> notAuthenticated(request, onDevicePort));
    if (!isAllowed(route, caller)) {
      throw new ProblemException(
          ErrorCode.NOT_ALLOWED,
          "%s may not %s %s".formatted(name(caller), request.getMethodName(), request.getPath()));
    }
    request.setAttribute(ACTOR, new Actor(name(caller), RequestIds.of(request)));
    switch (caller) {
      case Caller.User user -> request.setAttribute(ROLE, user.role());
      case Caller.Device device -> request.setAttribute(DEVICE, device);
    }
    return null;
  }

  // A link with the token in it, as the start prints it: the token moves to a cookie that no script
  // reads and no other site sends, and leaves the address bar.
  private HttpResponse<?> logIn(HttpRequest<?> request, String token) {
    if (user(token).isEmpty()) {
      throw unknownToken();
    }
    return HttpResponse.seeOther(URI.create(request.getPath()))
        .cookie(Cookie.of(COOKIE, token).path("/").httpOnly(true).sameSite(SameSite.Strict));
  }

  private static boolean isAllowed(RouteMatch<?> route, Caller caller) {
    if (route.getAnnotationMetadata().hasAnnotation(ForDevices.class)) {
      return caller instanceof Caller.Device;
    }
    Role required = route.getAnnotationMetadata().enumValue(Allowed.class, Role.class).orElse(null);
    if (required == null) {
      return false;
    }
    return switch (caller) {
      case Caller.User user -> user.role().covers(required);
      case Caller.Device device ->
          route.getAnnotationMetadata().booleanValue(Allowed.class, "devices").orElse(false);
    };
  }

  private static String name(Caller caller) {
    return switch (caller) {
      case Caller.User user -> user.name();
      case Caller.Device device -> "device:" + device.tenant() + "/" + device.device();
    };
  }

  private Optional<Caller> caller(HttpRequest<?> request, boolean onDevicePort) {
    Optional<String> header = request.getHeaders().findFirst(HttpHeaders.AUTHORIZATION);
    if (header.isPresent()) {
      String[] parts = header.get().split(" ", 2);
      return parts.length == 2 && parts[0].equalsIgnoreCase("bearer")
          ? user(parts[1].strip())
          : Optional.empty();
    }
    return onDevicePort
        ? certificate(request).flatMap(identities::identityOf).map(device -> device)
        : cookie(request).flatMap(this::user);
  }

  private static Optional<X509Certificate> certificate(HttpRequest<?> request) {
    return request
        .getCertificate()
        .filter(X509Certificate.class::isInstance)
        .map(X509Certificate.class::cast);
  }

  // The browser sends the cookie by itself, so it only ever reads with it, or acts from our pages.
  private static Optional<String> cookie(HttpRequest<?> request) {
    boolean reads = request.getMethod() == HttpMethod.GET || request.getMethod() == HttpMethod.HEAD;
    boolean ownPage =
        request.getHeaders().findFirst("Sec-Fetch-Site").filter("same-origin"::equals).isPresent();
    return reads || ownPage
        ? request.getCookies().findCookie(COOKIE).map(found -> found.getValue())
        : Optional.empty();
  }

  private Optional<Caller> user(String token) {
    return users.withToken(token).map(user -> new Caller.User(user.name(), user.role()));
  }

  private static ProblemException notAuthenticated(HttpRequest<?> request, boolean onDevicePort) {
    if (request.getHeaders().contains(HttpHeaders.AUTHORIZATION)) {
      return unknownToken();
    }
    if (onDevicePort) {
      return new ProblemException(
          ErrorCode.NOT_AUTHENTICATED,
          certificate(request).isPresent()
              ? "this device's certificate is revoked, has run out or is unknown here: enrol again"
                  + " with a new token"
              : "this needs the certificate of an enrolled device");
    }
    return new ProblemException(
        ErrorCode.NOT_AUTHENTICATED,
        "this needs a token: send 'Authorization: Bearer TOKEN'; the first start made one in"
            + " keys/admin.token of the data folder");
  }

  private static ProblemException unknownToken() {
    return new ProblemException(
        ErrorCode.NOT_AUTHENTICATED,
        "this token is not known here: mistyped, revoked, or of another control plane; the first"
            + " start's is in keys/admin.token of the data folder");
  }
}
