package io.skerry.agent.identity;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;

/** The control plane's port for devices, asked over HTTPS. Thread-safe. */
final class ControlPort {
  static final int ANSWER_BYTES_MAX = 1 << 20;

  private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(10);
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int OK = 200;
  private static final int CREATED = 201;
  private static final int NOT_FOUND = 404;

  private final HttpClient http;
  private final URI base;

  ControlPort(HttpClient http, URI base) {
    this.http = http;
    this.base = base;
  }

  /**
   * A client that believes what {@code trust} believes, and shows {@code login} when there is one.
   */
  static HttpClient client(SSLContext context, Executor executor) {
    return HttpClient.newBuilder()
        .sslContext(context)
        .executor(executor)
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(CONNECT_PATIENCE)
        .build();
  }

  /** TLS as this device speaks it. */
  static SSLContext context(PinnedTrust trust, Optional<OneLogin> login) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(login.stream().toArray(KeyManager[]::new), new TrustManager[] {trust}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has TLS", e);
    }
  }

  /**
   * Posts JSON.
   *
   * @throws RefusedException if the answer is no success; its message is the control plane's
   * @throws IOException if there is no answer, or none that can be read
   */
  JsonObject post(String path, JsonObject body)
      throws RefusedException, IOException, InterruptedException {
    HttpResponse<byte[]> response =
        send(
            HttpRequest.newBuilder(uri(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString())));
    if (!List.of(OK, CREATED).contains(response.statusCode())) {
      throw new RefusedException(response.statusCode(), reason(response));
    }
    try {
      return json(response);
    } catch (JsonParseException | IllegalStateException e) {
      throw new IOException("%s answered no JSON object".formatted(uri(path)), e);
    }
  }

  /** The content at a path; empty when there is none. */
  Optional<byte[]> get(String path) throws RefusedException, IOException, InterruptedException {
    HttpResponse<byte[]> response = send(HttpRequest.newBuilder(uri(path)).GET());
    return switch (response.statusCode()) {
      case OK -> Optional.of(response.body());
      case NOT_FOUND -> Optional.empty();
      default -> throw new RefusedException(response.statusCode(), reason(response));
    };
  }

  private URI uri(String path) {
    return URI.create(base.toString().replaceAll("/+$", "") + path);
  }

  private HttpResponse<byte[]> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    try {
      return http.send(
          request.timeout(PATIENCE).build(),
          BodyHandlers.limiting(BodyHandlers.ofByteArray(), ANSWER_BYTES_MAX));
    } catch (IOException e) {
      throw new IOException(why(e), e);
    }
  }

  /** In one line; what was wrong with a certificate is deep in the causes. */
  static String why(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return String.valueOf(cause.getMessage());
      }
    }
    return failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
  }

  private static JsonObject json(HttpResponse<byte[]> response) {
    return JsonParser.parseString(new String(response.body(), StandardCharsets.UTF_8))
        .getAsJsonObject();
  }

  private static String reason(HttpResponse<byte[]> response) {
    try {
      JsonObject problem = json(response);
      return problem.has("detail")
          ? problem.get("detail").getAsString()
          : "status " + response.statusCode();
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      return "status " + response.statusCode();
    }
  }
}
