package io.skerry.control.alert;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Posts to receivers; follows no redirects, since a signed body is meant for one address. */
final class HttpSender {
  private static final Duration CONNECT_WAIT = Duration.ofSeconds(5);
  private static final Duration ANSWER_WAIT = Duration.ofSeconds(10);
  private static final int TEXT_MAX = 200;

  private final HttpClient client =
      HttpClient.newBuilder()
          .connectTimeout(CONNECT_WAIT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  Routing.Answer post(HttpRequest.Builder request, byte[] body) {
    try {
      HttpResponse<java.io.InputStream> response =
          client.send(
              request
                  .timeout(ANSWER_WAIT)
                  .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                  .build(),
              HttpResponse.BodyHandlers.ofInputStream());
      String text;
      try (java.io.InputStream in = response.body()) {
        text = new String(in.readNBytes(TEXT_MAX), StandardCharsets.UTF_8);
      }
      return Routing.ofStatus(
          response.statusCode(), "%d %s".formatted(response.statusCode(), text.strip()).strip());
    } catch (IOException e) {
      return new Routing.Answer.Unreachable(reason(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Routing.Answer.Unreachable("interrupted by the server's end");
    }
  }

  static String reason(Exception failure) {
    if (failure instanceof ConnectException) {
      return "nothing answers there";
    }
    String message = failure.getMessage();
    return message == null || message.isBlank() ? failure.getClass().getSimpleName() : message;
  }
}
