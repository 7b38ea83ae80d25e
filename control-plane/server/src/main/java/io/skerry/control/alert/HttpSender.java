package io.skerry.control.alert;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Posts to receivers; follows no redirects, since a signed body is meant for one address. */
final class HttpSender {
  private static final Logger log = LoggerFactory.getLogger(HttpSender.class);
  private static final Duration CONNECT_WAIT = Duration.ofSeconds(5);
  private static final Duration ANSWER_WAIT = Duration.ofSeconds(10);
  private static final int TEXT_MAX = 200;

  private final HttpClient client =
      HttpClient.newBuilder()
          .connectTimeout(CONNECT_WAIT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();
  private final Duration answerWait;

  HttpSender() {
    this(ANSWER_WAIT);
  }

  /** Waits as long for the status, and once more for the rest of the answer. */
  HttpSender(Duration answerWait) {
    this.answerWait = answerWait;
  }

  Routing.Answer post(HttpRequest.Builder request, byte[] body) {
    try {
      HttpResponse<InputStream> response =
          client.send(
              request
                  .timeout(answerWait)
                  .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                  .build(),
              HttpResponse.BodyHandlers.ofInputStream());
      String text = text(response.body());
      return Routing.ofStatus(
          response.statusCode(), "%d %s".formatted(response.statusCode(), text.strip()).strip());
    } catch (IOException e) {
      return new Routing.Answer.Unreachable(reason(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Routing.Answer.Unreachable("interrupted by the server's end");
    }
  }

  // The status is the answer: a receiver that never ends its text must not hold anybody up.
  private String text(InputStream body) {
    CompletableFuture<Void> end =
        CompletableFuture.runAsync(
            () -> close(body),
            CompletableFuture.delayedExecutor(answerWait.toMillis(), TimeUnit.MILLISECONDS));
    try {
      return new String(body.readNBytes(TEXT_MAX), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "(its text did not come: %s)".formatted(reason(e));
    } finally {
      end.cancel(false);
      close(body);
    }
  }

  private static void close(InputStream body) {
    try {
      body.close();
    } catch (IOException e) {
      log.atDebug().setCause(e).log("answer not closed");
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
