package io.skerry.control.alert;

import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Posts an alert as a CloudEvent 1.0 in structured JSON.
 *
 * <pre>
 * Content-Type: application/cloudevents+json
 * Skerry-Signature: t=SECONDS,v1=HEX      HMAC-SHA256 by the route's secret over "SECONDS.BODY"
 *
 * {"specversion": "1.0", "id": "alert-7", "source": "/skerry/alerts",
 *  "type": "skerry.incident.harmful.v1", "subject": "incident-3", "time": "...",
 *  "datacontenttype": "application/json",
 *  "data": {"severity": "PAGE", "cohort": "site=b", "detail": "...", "resolvedAt": null}}
 * </pre>
 *
 * <p>The id stays the same over all attempts, so that a receiver can tell what it has already.
 *
 * @see <a
 *     href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md">
 *     CloudEvents 1.0.2, JSON event format</a>
 */
final class WebhookSender implements Sender {
  private final HttpSender http;
  private final Clock clock;

  WebhookSender(HttpSender http, Clock clock) {
    this.http = http;
    this.clock = clock;
  }

  @Override
  public Routing.Answer send(Route route, List<Alert> alerts) {
    byte[] body = event(alerts.getFirst()).toString().getBytes(StandardCharsets.UTF_8);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(route.url()))
            .header("Content-Type", "application/cloudevents+json; charset=utf-8")
            .header("User-Agent", "skerry");
    route
        .secret()
        .ifPresent(
            secret ->
                request.header(
                    "Skerry-Signature", signature(secret, clock.instant().getEpochSecond(), body)));
    return http.post(request, body);
  }

  static JsonObject event(Alert alert) {
    JsonObject data = new JsonObject();
    data.addProperty("severity", alert.severity().name());
    data.addProperty("cohort", alert.cohort());
    data.addProperty("detail", alert.detail());
    data.addProperty("resolvedAt", alert.resolvedAt().map(Object::toString).orElse(null));
    JsonObject event = new JsonObject();
    event.addProperty("specversion", "1.0");
    event.addProperty("id", alert.eventId());
    event.addProperty("source", "/skerry/alerts");
    event.addProperty("type", "skerry.%s.v1".formatted(alert.kind().toLowerCase(Locale.ROOT)));
    event.addProperty("subject", alert.object());
    event.addProperty("time", alert.at().toString());
    event.addProperty("datacontenttype", "application/json");
    event.add("data", data);
    return event;
  }

  static String signature(String secret, long seconds, byte[] body) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      mac.update((seconds + ".").getBytes(StandardCharsets.UTF_8));
      return "t=%d,v1=%s".formatted(seconds, HexFormat.of().formatHex(mac.doFinal(body)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("HMAC-SHA256 is part of every Java", e);
    }
  }
}
