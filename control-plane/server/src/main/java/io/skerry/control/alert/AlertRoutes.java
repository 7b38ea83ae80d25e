package io.skerry.control.alert;

import io.skerry.api.AlertRoute;
import io.skerry.api.AlertRouteRequest;
import io.skerry.api.AlertSilence;
import io.skerry.api.AlertSilenceRequest;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ingest.Seals;
import io.skerry.control.sql.Database;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Where alerts go, and what nobody wants to hear of for a while. */
@Singleton
final class AlertRoutes {
  static final int ROUTES_MAX = 50;
  static final int SECRET_MIN = 16;
  private static final int SILENCES_MAX = 200;
  private static final Duration SILENCE_MAX = Duration.ofDays(90);
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
  private static final TenantId TENANT = new TenantId("default");
  private static final String PURPOSE = "alert-route";

  private final Database database;
  private final Seals seals;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  AlertRoutes(Database database, Seals seals, AuditLog audit) {
    this.database = database;
    this.seals = seals;
    this.audit = audit;
  }

  List<AlertRoute> list() {
    return database.call(AlertStore::routes).stream().map(AlertRoutes::view).toList();
  }

  /** The route with its secret, for those who send. */
  Optional<Route> opened(String name) {
    return database.call(AlertStore::routes).stream()
        .filter(one -> one.route().name().equals(name))
        .map(this::open)
        .findFirst();
  }

  private Route open(AlertStore.Sealed sealed) {
    Route route = sealed.route();
    return new Route(
        route.name(),
        route.kind(),
        route.url(),
        sealed
            .secret()
            .map(
                bytes ->
                    new String(
                        seals.open(TENANT, PURPOSE, route.name(), bytes), StandardCharsets.UTF_8)),
        route.from(),
        route.createdBy(),
        route.createdAt());
  }

  AlertRoute create(Actor actor, AlertRouteRequest request) {
    if (!NAME.matcher(request.name()).matches()) {
      throw invalid(
          "name '%s': 1 to 63 of a-z, 0-9 and '-', not '-' first".formatted(request.name()));
    }
    Route.Kind kind =
        Arrays.stream(Route.Kind.values())
            .filter(one -> one.name().equalsIgnoreCase(request.kind()))
            .findFirst()
            .orElseThrow(
                () ->
                    invalid(
                        "kind '%s': must be webhook, mail or alertmanager"
                            .formatted(request.kind())));
    Severity from = severity(request.from());
    String secret = request.secret();
    check(kind, request.url(), secret);
    Route route =
        new Route(request.name(), kind, request.url(), Optional.empty(), from, actor.name(), now());
    Optional<byte[]> sealed =
        secret == null || secret.isEmpty()
            ? Optional.empty()
            : Optional.of(
                seals.seal(TENANT, PURPOSE, route.name(), secret.getBytes(StandardCharsets.UTF_8)));
    database.run(
        transaction -> {
          if (AlertStore.routes(transaction).size() >= ROUTES_MAX) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT, "there are %d routes already".formatted(ROUTES_MAX));
          }
          if (!AlertStore.insert(transaction, route, sealed)) {
            throw new ProblemException(
                ErrorCode.ALREADY_EXISTS,
                "route '%s' exists: delete it first".formatted(route.name()));
          }
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("alert-route.created", "alert-route/" + route.name(), route.url()));
        });
    return view(new AlertStore.Sealed(route, sealed));
  }

  private static void check(Route.Kind kind, String url, @Nullable String secret) {
    try {
      switch (kind) {
        case MAIL -> MailSender.check(url);
        case WEBHOOK, ALERTMANAGER -> {
          URI uri = URI.create(url);
          String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
          if (uri.getHost() == null || !(scheme.equals("https") || scheme.equals("http"))) {
            throw new IllegalArgumentException("'%s' is no http(s) address".formatted(url));
          }
          if (uri.getUserInfo() != null) {
            throw new IllegalArgumentException("give a password as the secret, not in the address");
          }
        }
      }
    } catch (IllegalArgumentException e) {
      throw invalid(String.valueOf(e.getMessage()));
    }
    if (kind == Route.Kind.WEBHOOK && (secret == null || secret.length() < SECRET_MIN)) {
      throw invalid(
          "a webhook needs a secret of at least %d characters: its receiver checks the signature by it"
              .formatted(SECRET_MIN));
    }
  }

  private static Severity severity(@Nullable String text) {
    return Severity.named(text == null || text.isEmpty() ? "TICKET" : text)
        .orElseThrow(() -> invalid("from '%s': must be page, ticket or note".formatted(text)));
  }

  void delete(Actor actor, String name) {
    database.run(
        transaction -> {
          if (!AlertStore.deleteRoute(transaction, name)) {
            throw new ProblemException(ErrorCode.NOT_FOUND, "no route '%s'".formatted(name));
          }
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("alert-route.deleted", "alert-route/" + name, ""));
        });
  }

  List<AlertSilence> silences() {
    return database.call(
        transaction ->
            transaction.list(
                "select * from alert_silence where until > ? order by until limit 500",
                row ->
                    new AlertSilence(
                        "silence-" + row.bigint("id"),
                        row.text("kind"),
                        row.text("cohort"),
                        row.text("object"),
                        row.instant("until"),
                        row.text("reason"),
                        row.text("created_by"),
                        row.instant("created_at")),
                now()));
  }

  AlertSilence silence(Actor actor, AlertSilenceRequest request) {
    Instant now = now();
    Instant until = request.until();
    if (!until.isAfter(now) || until.isAfter(now.plus(SILENCE_MAX))) {
      throw invalid("until %s: must be within the next 90 days".formatted(until));
    }
    if (request.reason().isBlank()) {
      throw invalid("a reason is needed: whoever finds it quiet wants to know why");
    }
    String kind = text(request.kind());
    String cohort = text(request.cohort());
    String object = text(request.object());
    if (kind.isEmpty() && cohort.isEmpty() && object.isEmpty()) {
      throw invalid("name a kind, a cohort or an object: all alerts at once are not silenced");
    }
    return database.call(
        transaction -> {
          if (AlertStore.silences(transaction, now).size() >= SILENCES_MAX) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT, "there are %d silences already".formatted(SILENCES_MAX));
          }
          long id =
              transaction.number(
                  """
                  insert into alert_silence (kind, cohort, object, until, reason, created_by,
                    created_at) values (?, ?, ?, ?, ?, ?, ?) returning id
                  """,
                  kind,
                  cohort,
                  object,
                  until,
                  request.reason(),
                  actor.name(),
                  now);
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("silence.created", "silence/silence-" + id, request.reason()));
          return new AlertSilence(
              "silence-" + id, kind, cohort, object, until, request.reason(), actor.name(), now);
        });
  }

  void endSilence(Actor actor, String id) {
    database.run(
        transaction -> {
          int ended =
              transaction.update(
                  "update alert_silence set until = ? where 'silence-' || id = ? and until > ?",
                  now(),
                  id,
                  now());
          if (ended == 0) {
            throw new ProblemException(
                ErrorCode.NOT_FOUND, "no silence '%s' that lasts".formatted(id));
          }
          AlertStore.lookAtSilenced(transaction, now());
          audit.append(transaction, actor, AuditLog.Act.of("silence.ended", "silence/" + id, ""));
        });
  }

  private static AlertRoute view(AlertStore.Sealed sealed) {
    Route route = sealed.route();
    return new AlertRoute(
        route.name(),
        route.kind().name(),
        route.url(),
        sealed.secret().isPresent(),
        route.from().name(),
        route.createdBy(),
        route.createdAt());
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}
