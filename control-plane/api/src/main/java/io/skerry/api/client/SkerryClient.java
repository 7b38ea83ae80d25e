package io.skerry.api.client;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonSyntaxException;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.Page;
import io.skerry.api.Problem;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import javax.net.ssl.SSLHandshakeException;

/**
 * Calls a control plane's API. Thread-safe.
 *
 * <p>Every method throws {@link SkerryException}: with a problem when the control plane refused,
 * without when it was not reached.
 */
public final class SkerryClient implements AutoCloseable {
  private static final Duration CONNECT_WITHIN = Duration.ofSeconds(10);
  private static final Duration ANSWER_WITHIN = Duration.ofMinutes(2);

  /** Parts of a list that are fetched at most: 500 items each. */
  private static final int PAGES_MAX = 2000;

  private final URI server;
  private final String token;
  private final HttpClient http;
  private final Gson gson =
      new GsonBuilder().registerTypeAdapter(Instant.class, new InstantAdapter()).create();

  /**
   * A client of one control plane.
   *
   * @param server for example {@code http://127.0.0.1:8080}
   * @param token sent as bearer token
   */
  public SkerryClient(URI server, String token) {
    this(server, token, builder().build());
  }

  /**
   * A client of a control plane that has a certificate of its own authority.
   *
   * @param server for example {@code https://skerry.example.org:8080}
   * @param token sent as bearer token
   * @param authority PEM file of the authority's certificate; nothing else is trusted
   */
  public SkerryClient(URI server, String token, Path authority) {
    this(server, token, builder().sslContext(Authority.trusting(authority)).build());
  }

  private SkerryClient(URI server, String token, HttpClient http) {
    this.server = server;
    this.token = token;
    this.http = http;
  }

  private static HttpClient.Builder builder() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(CONNECT_WITHIN);
  }

  /** Reads one resource; the path begins with a slash. */
  public <T> T get(String path, Class<T> type) {
    return read(send(request(path).GET().build()), TypeToken.get(type));
  }

  /** Reads every part of a list. */
  public <T> List<T> list(String path, Class<T> type) {
    return parts(path, type, next -> request(next).GET().build());
  }

  /** Reads every part of a list that a body asks for. */
  public <T> List<T> listOf(String path, Object body, Class<T> type) {
    String json = gson.toJson(body);
    return parts(
        path,
        type,
        next ->
            request(next)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(json))
                .build());
  }

  private <T> List<T> parts(String path, Class<T> type, Function<String, HttpRequest> asking) {
    // Gson has no typed form of "page of this type".
    @SuppressWarnings("unchecked")
    TypeToken<Page<T>> page = (TypeToken<Page<T>>) TypeToken.getParameterized(Page.class, type);
    List<T> all = new ArrayList<>();
    String next = path;
    for (int i = 0; i < PAGES_MAX; i++) {
      Page<T> part = read(send(asking.apply(next)), page);
      all.addAll(part.items());
      if (part.nextPageToken() == null) {
        return List.copyOf(all);
      }
      next = path + (path.contains("?") ? "&" : "?") + "pageToken=" + part.nextPageToken();
    }
    throw new IllegalStateException("%s has more than %d pages".formatted(path, PAGES_MAX));
  }

  /** Reads a document as it is. */
  public String getText(String path) {
    return new String(send(request(path).GET().build()), StandardCharsets.UTF_8);
  }

  /** Reads bytes. */
  public byte[] getBytes(String path) {
    return send(request(path).GET().build());
  }

  /**
   * Writes what a path answers to a file, whatever its size; one that is there is replaced, and
   * where this fails no part of the answer is left.
   *
   * @param bytes that it must have
   */
  public void download(String path, long bytes, Path to) {
    HttpRequest request = request(path).GET().build();
    Path part = to.resolveSibling(to.getFileName() + ".part");
    try {
      HttpResponse<byte[]> response =
          http.send(
              request,
              info ->
                  info.statusCode() / 100 == 2
                      ? BodySubscribers.mapping(writing(part), file -> new byte[0])
                      : BodySubscribers.ofByteArray());
      if (response.statusCode() / 100 != 2) {
        throw new SkerryException(problem(request, response));
      }
      long came = Files.size(part);
      if (came != bytes) {
        throw new IOException(
            "it has %d bytes instead of %d: it was made anew meanwhile, ask again"
                .formatted(came, bytes));
      }
      Files.move(part, to, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new SkerryException(
          "%s of %s cannot be written to %s: %s".formatted(path, server, to, reason(e)), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SkerryException("interrupted while waiting for " + server, e);
    } finally {
      deleteQuietly(part);
    }
  }

  /** Whoever was killed left a part behind, and a longer one would end the file. */
  private static BodySubscriber<Path> writing(Path part) {
    return BodySubscribers.ofFile(
        part,
        StandardOpenOption.CREATE,
        StandardOpenOption.WRITE,
        StandardOpenOption.TRUNCATE_EXISTING);
  }

  private static void deleteQuietly(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      // What went wrong before counts.
      return;
    }
  }

  /** Posts a record as JSON. */
  public <T> T post(String path, Object body, Class<T> type) {
    return send("POST", path, "application/json", BodyPublishers.ofString(gson.toJson(body)), type);
  }

  /**
   * Posts a record as JSON, if the resource is still as it was read.
   *
   * @param revision that was read: the ETag without its quotes
   */
  public <T> T postIfMatch(String path, Object body, long revision, Class<T> type) {
    return read(
        send(
            request(path)
                .header("Content-Type", "application/json")
                .header("If-Match", "\"" + revision + "\"")
                .POST(BodyPublishers.ofString(gson.toJson(body)))
                .build()),
        TypeToken.get(type));
  }

  /** Deletes a resource. */
  public void delete(String path) {
    send(request(path).DELETE().build());
  }

  /** Sends a body of any kind. */
  public <T> T send(
      String method, String path, String contentType, BodyPublisher body, Class<T> type) {
    return read(
        send(request(path).header("Content-Type", contentType).method(method, body).build()),
        TypeToken.get(type));
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(server.resolve(path))
        .header("Authorization", "Bearer " + token)
        .header("Accept", "application/json, application/problem+json")
        .timeout(ANSWER_WITHIN);
  }

  private byte[] send(HttpRequest request) {
    try {
      HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
      if (response.statusCode() / 100 != 2) {
        throw new SkerryException(problem(request, response));
      }
      return response.body();
    } catch (IOException e) {
      throw new SkerryException("%s cannot be reached: %s".formatted(server, reason(e)), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SkerryException("interrupted while waiting for " + server, e);
    }
  }

  private Problem problem(HttpRequest request, HttpResponse<byte[]> response) {
    String body = new String(response.body(), StandardCharsets.UTF_8);
    String contentType = response.headers().firstValue("Content-Type").orElse("");
    if (contentType.contains("json")) {
      try {
        Problem problem = gson.fromJson(body, Problem.class);
        if (problem != null && problem.code() != null) {
          return problem;
        }
      } catch (JsonSyntaxException e) {
        // Something between us and the control plane answered: its words are all there is.
        body = "unreadable answer: " + body;
      }
    }
    return new Problem(
        "about:blank",
        "HTTP " + response.statusCode(),
        response.statusCode(),
        "%s %s: HTTP %d %.200s"
            .formatted(request.method(), request.uri().getPath(), response.statusCode(), body),
        request.uri().getPath(),
        "UNAVAILABLE",
        "SAME_CALL",
        "",
        null);
  }

  private <T> T read(byte[] body, TypeToken<T> type) {
    try {
      T value = gson.fromJson(new String(body, StandardCharsets.UTF_8), type);
      if (value == null) {
        throw new SkerryException(server + " answered nothing", new IOException("empty body"));
      }
      return value;
    } catch (JsonSyntaxException e) {
      throw new SkerryException(
          "%s answered something else than %s".formatted(server, type.getType().getTypeName()), e);
    }
  }

  private static String reason(IOException e) {
    if (e instanceof SSLHandshakeException) {
      return "its certificate is not trusted (%s): give its authority with --ca FILE or SKERRY_CA"
          .formatted(e.getMessage());
    }
    if (e instanceof ConnectException) {
      return "nothing answers there; check the address, or start './skerry server'";
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  @Override
  public void close() {
    http.shutdownNow();
    http.close();
  }
}
