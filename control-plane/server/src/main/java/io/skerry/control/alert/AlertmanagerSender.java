package io.skerry.control.alert;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Posts an alert to {@code URL/api/v2/alerts} of a Prometheus Alertmanager: again while it lasts,
 * and with its end when it has one.
 */
final class AlertmanagerSender implements Sender {
  private final HttpSender http;

  AlertmanagerSender(HttpSender http) {
    this.http = http;
  }

  @Override
  public Routing.Answer send(Route route, List<Alert> alerts) {
    JsonArray all = new JsonArray();
    all.add(alert(alerts.getFirst()));
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(route.url().replaceAll("/+$", "") + "/api/v2/alerts"))
            .header("Content-Type", "application/json");
    route.secret().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    return http.post(request, all.toString().getBytes(StandardCharsets.UTF_8));
  }

  static JsonObject alert(Alert alert) {
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
    alert.resolvedAt().ifPresent(at -> posted.addProperty("endsAt", at.toString()));
    return posted;
  }
}
