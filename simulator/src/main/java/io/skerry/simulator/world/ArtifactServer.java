package io.skerry.simulator.world;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/**
 * Gives artifacts out of memory, with ranges, on the caller's thread, to one device over a line
 * that can fail.
 */
public final class ArtifactServer extends HttpClient {
  private static final int PIECE_BYTES = 16 * 1024;

  private final Function<String, Optional<byte[]>> blobs;
  private final Line line;

  /** What the line does to an answer. */
  public interface Line {
    /** A line on which nothing happens. */
    Line WHOLE = length -> new Fate(length, false, 0);

    /** The fate of an answer of so many bytes. */
    Fate next(int length);

    /** So many bytes were given. */
    default void gave(int bytes) {}
  }

  /**
   * What becomes of an answer.
   *
   * @param bytes that come before the line breaks; negative when nobody answers at all
   * @param spoiled whether a bit is wrong
   * @param status another answer than the right one; 0 = none
   */
  public record Fate(int bytes, boolean spoiled, int status) {}

  /** Serves these blobs, by the hex digits of their digests. */
  public ArtifactServer(Function<String, Optional<byte[]>> blobs, Line line) {
    this.blobs = blobs;
    this.line = line;
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler)
      throws IOException {
    String path = request.uri().getPath();
    Optional<byte[]> blob = blobs.apply(path.substring(path.lastIndexOf('/') + 1));
    Fate fate = line.next(blob.map(bytes -> bytes.length).orElse(0));
    if (fate.bytes() < 0) {
      throw new IOException("connection refused");
    }
    if (fate.status() != 0 || blob.isEmpty()) {
      int status = fate.status() == 0 ? 404 : fate.status();
      return answer(request, handler, status, Map.of(), ByteBuffer.allocate(0));
    }
    byte[] content = blob.get();
    Optional<String> range = request.headers().firstValue("Range");
    int from =
        range
            .map(text -> Integer.parseInt(text.substring("bytes=".length(), text.length() - 1)))
            .orElse(0);
    if (from >= content.length && from > 0) {
      return answer(request, handler, 416, Map.of(), ByteBuffer.allocate(0));
    }
    Map<String, List<String>> headers = new HashMap<>();
    headers.put("ETag", List.of("\"" + path + "\""));
    if (range.isPresent()) {
      headers.put(
          "Content-Range",
          List.of("bytes %d-%d/%d".formatted(from, content.length - 1, content.length)));
    }
    int length = Math.min(content.length - from, fate.bytes());
    ByteBuffer body = ByteBuffer.wrap(content, from, length).slice();
    if (fate.spoiled() && length > 0) {
      ByteBuffer copy = ByteBuffer.allocate(length).put(body.duplicate()).flip();
      copy.put(length / 2, (byte) (copy.get(length / 2) ^ 1));
      body = copy;
    }
    return answer(request, handler, range.isPresent() ? 206 : 200, headers, body);
  }

  private <T> HttpResponse<T> answer(
      HttpRequest request,
      HttpResponse.BodyHandler<T> handler,
      int status,
      Map<String, List<String>> fields,
      ByteBuffer body) {
    HttpHeaders headers = HttpHeaders.of(fields, (name, value) -> true);
    HttpResponse.BodySubscriber<T> subscriber = handler.apply(new Head(status, headers));
    subscriber.onSubscribe(
        new Flow.Subscription() {
          private boolean ended;

          @Override
          public void request(long count) {
            for (long i = 0; i < count && !ended; i++) {
              if (body.hasRemaining()) {
                int length = Math.min(PIECE_BYTES, body.remaining());
                ByteBuffer piece = body.slice(body.position(), length);
                body.position(body.position() + length);
                line.gave(length);
                subscriber.onNext(List.of(piece));
              } else {
                ended = true;
                subscriber.onComplete();
              }
            }
          }

          @Override
          public void cancel() {
            ended = true;
          }
        });
    return new Answer<>(
        request, status, headers, subscriber.getBody().toCompletableFuture().join());
  }

  private record Head(int statusCode, HttpHeaders headers) implements HttpResponse.ResponseInfo {
    @Override
    public Version version() {
      return Version.HTTP_1_1;
    }
  }

  private record Answer<T>(HttpRequest request, int statusCode, HttpHeaders headers, T body)
      implements HttpResponse<T> {
    @Override
    public Optional<HttpResponse<T>> previousResponse() {
      return Optional.empty();
    }

    @Override
    public Optional<SSLSession> sslSession() {
      return Optional.empty();
    }

    @Override
    public URI uri() {
      return request.uri();
    }

    @Override
    public Version version() {
      return Version.HTTP_1_1;
    }
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, HttpResponse.BodyHandler<T> handler) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request,
      HttpResponse.BodyHandler<T> handler,
      HttpResponse.PushPromiseHandler<T> pushes) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return Optional.empty();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return Optional.empty();
  }

  @Override
  public Redirect followRedirects() {
    return Redirect.NEVER;
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return Optional.empty();
  }

  @Override
  public SSLContext sslContext() {
    throw new UnsupportedOperationException();
  }

  @Override
  public SSLParameters sslParameters() {
    return new SSLParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return Optional.empty();
  }

  @Override
  public Version version() {
    return Version.HTTP_1_1;
  }

  @Override
  public Optional<Executor> executor() {
    return Optional.empty();
  }
}
