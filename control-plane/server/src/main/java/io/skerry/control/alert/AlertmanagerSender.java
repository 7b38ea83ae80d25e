package io.skerry.control.alert;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Posts an alert to {@code URL/api/v2/alerts} of a Prometheus Alertmanager: again while it lasts,
 * and with its end when it has one. What only happened fires for {@link #MOMENT_LASTS} from its
 * delivery on: an Alertmanager tells nobody of an alert that has ended before it came.
 */
final class AlertmanagerSender implements Sender {
  /** Longer than an Alertmanager waits for others to group with, by any usual configuration. */
  static final Duration MOMENT_LASTS = Duration.ofMinutes(30);

  private final HttpSender http;
  private final Clock clock;

  AlertmanagerSender(HttpSender http, Clock clock) {
    this.http = http;
    this.clock = clock;
  }

  @Override
  public Routing.Answer send(Route route, List<Alert> alerts) {
    JsonArray all = new JsonArray();
    all.add(alert(alerts.getFirst(), clock.instant()));
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(route.url().replaceAll("/+$", "") + "/api/v2/alerts"))
            .header("Content-Type", "application/json");
    route.secret().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    return http.post(request, all.toString().getBytes(StandardCharsets.UTF_8));
  }

  static JsonObject alert(Alert alert, Instant now) {
    JsonObject labels = new JsonObject();
    labels.addProperty("alertname", "skerry." + alert.kind());
    labels.addProperty("object", alert.object());
    labels.addProperty(
        "severity",
        switch (alert.severity()) {
          case PAGE -> "critical";
          case TICKET -> "warning";
          case NOTE -> "info";
        });
    if (!alert.cohort().isEmpty()) {
      labels.addProperty("cohort", alert.cohort());
    }
    JsonObject annotations = new JsonObject();
    annotations.addProperty("description", alert.detail());
    JsonObject posted = new JsonObject();
    posted.add("labels", labels);
    posted.add("annotations", annotations);
    posted.addProperty("startsAt", alert.at().toString());
    alert
        .resolvedAt()
        .map(at -> alert.isMoment() ? now.plus(MOMENT_LASTS) : at)
        .ifPresent(at -> posted.addProperty("endsAt", at.toString()));
    return posted;
  }
}
