package io.skerry.control.alert;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.AlertDelivery;
import io.skerry.api.AlertRoute;
import io.skerry.api.AlertRouteRequest;
import io.skerry.api.AlertSilence;
import io.skerry.api.AlertSilenceRequest;
import io.skerry.api.AlertView;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.sql.Database;
import io.skerry.control.web.Csv;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Alerts, where they go, what is silenced, and what was delivered. */
@Controller("/v1")
@Allowed(Role.VIEWER)
@SerdeImport(AlertView.class)
@SerdeImport(AlertRoute.class)
@SerdeImport(AlertRouteRequest.class)
@SerdeImport(AlertSilence.class)
@SerdeImport(AlertSilenceRequest.class)
@SerdeImport(AlertDelivery.class)
final class AlertController {
  private static final int PAGE_SIZE_MAX = 500;
  private static final int FILE_MAX = 20_000;
  private static final String DELIVERY = "delivery-";
  private static final String ALERT = "alert-";

  private final Database database;
  private final AlertRoutes routes;
  private final Alerts alerts;

  AlertController(Database database, AlertRoutes routes, Alerts alerts) {
    this.database = database;
    this.routes = routes;
    this.alerts = alerts;
  }

  @Get("/alerts")
  Page<AlertView> list(
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    long before = before(ALERT, pageToken);
    return page(
        database.call(transaction -> AlertStore.newest(transaction, before, limit)).stream()
            .map(AlertController::view)
            .toList(),
        limit,
        AlertView::id);
  }

  @Get("/alerts.csv")
  MutableHttpResponse<String> listFile() {
    return Csv.file(
        "alerts",
        AlertView.class,
        database
            .call(transaction -> AlertStore.newest(transaction, Long.MAX_VALUE, FILE_MAX))
            .stream()
            .map(AlertController::view)
            .toList());
  }

  @Get("/alert-routes")
  Page<AlertRoute> listRoutes() {
    return Page.only(routes.list());
  }

  @Post("/alert-routes")
  @Allowed(Role.ADMIN)
  HttpResponse<AlertRoute> createRoute(Actor actor, @Body AlertRouteRequest request) {
    return HttpResponse.created(routes.create(actor, request));
  }

  @Delete("/alert-routes/{name}")
  @Allowed(Role.ADMIN)
  HttpResponse<?> deleteRoute(Actor actor, String name) {
    routes.delete(actor, name);
    return HttpResponse.noContent();
  }

  /** Sends a test alert to every route that takes the severity, so that nobody waits for a fire. */
  @Post("/alerts/test")
  @Allowed(Role.OPERATOR)
  HttpResponse<AlertView> test(Actor actor) {
    Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    return HttpResponse.accepted()
        .body(
            view(
                alerts.keep(
                    new Alert(
                        0,
                        now,
                        "alert.tested",
                        "alert",
                        "",
                        "",
                        Severity.PAGE,
                        actor.name() + " tries whether alerts arrive; nothing is wrong",
                        Optional.of(now)))));
  }

  @Get("/silences")
  Page<AlertSilence> silences() {
    return Page.only(routes.silences());
  }

  @Get("/silences.csv")
  MutableHttpResponse<String> silencesFile() {
    return Csv.file("silences", AlertSilence.class, routes.silences());
  }

  @Post("/silences")
  @Allowed(Role.OPERATOR)
  HttpResponse<AlertSilence> silence(Actor actor, @Body AlertSilenceRequest request) {
    return HttpResponse.created(routes.silence(actor, request));
  }

  @Delete("/silences/{id}")
  @Allowed(Role.OPERATOR)
  HttpResponse<?> endSilence(Actor actor, String id) {
    routes.endSilence(actor, id);
    return HttpResponse.noContent();
  }

  @Get("/deliveries")
  Page<AlertDelivery> deliveries(
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    long before = before(DELIVERY, pageToken);
    return page(
        database.call(transaction -> AlertStore.deliveries(transaction, before, limit)),
        limit,
        AlertDelivery::id);
  }

  @Get("/deliveries.csv")
  MutableHttpResponse<String> deliveriesFile() {
    return Csv.file(
        "deliveries",
        AlertDelivery.class,
        database.call(transaction -> AlertStore.deliveries(transaction, Long.MAX_VALUE, FILE_MAX)));
  }

  @Post("/deliveries/{id}/redeliver")
  @Allowed(Role.OPERATOR)
  HttpResponse<AlertDelivery> redeliver(String id) {
    long number = number(DELIVERY, id);
    return database.call(
        transaction -> {
          if (!AlertStore.again(transaction, number, Instant.now())) {
            throw new ProblemException(ErrorCode.NOT_FOUND, "no delivery '%s'".formatted(id));
          }
          return HttpResponse.accepted()
              .body(AlertStore.deliveries(transaction, number + 1, 1).getFirst());
        });
  }

  static AlertView view(Alert alert) {
    return new AlertView(
        alert.eventId(),
        alert.at(),
        alert.kind(),
        alert.object(),
        alert.cohort(),
        alert.severity().name(),
        alert.detail(),
        alert.resolvedAt().orElse(null));
  }

  private static <T> Page<T> page(List<T> items, int limit, Function<T, String> id) {
    return new Page<>(items, items.size() == limit ? id.apply(items.getLast()) : null);
  }

  private static long before(String prefix, String pageToken) {
    return pageToken.isEmpty() ? Long.MAX_VALUE : number(prefix, pageToken);
  }

  private static long number(String prefix, String id) {
    try {
      if (id.startsWith(prefix)) {
        return Long.parseLong(id.substring(prefix.length()));
      }
    } catch (NumberFormatException e) {
      // The same as any other id that is none.
    }
    throw new ProblemException(
        ErrorCode.NOT_FOUND, "'%s' is no id such as %s7".formatted(id, prefix));
  }
}
