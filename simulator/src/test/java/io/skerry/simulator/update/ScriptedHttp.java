package io.skerry.simulator.update;

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
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/** Gives blobs out of memory, with ranges, on the caller's thread. */
final class ScriptedHttp extends HttpClient {
  private static final int PIECE_BYTES = 16 * 1024;

  private final Map<String, byte[]> blobs;
  boolean down;

  ScriptedHttp(Map<String, byte[]> blobs) {
    this.blobs = blobs;
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler)
      throws IOException {
    if (down) {
      throw new IOException("connection refused");
    }
    String path = request.uri().getPath();
    byte[] blob = blobs.get(path.substring(path.lastIndexOf('/') + 1));
    Optional<String> range = request.headers().firstValue("Range");
    if (blob == null) {
      return answer(request, handler, 404, Map.of(), ByteBuffer.allocate(0));
    }
    int from =
        range
            .map(text -> Integer.parseInt(text.substring("bytes=".length(), text.length() - 1)))
            .orElse(0);
    if (from >= blob.length && from > 0) {
      return answer(request, handler, 416, Map.of(), ByteBuffer.allocate(0));
    }
    Map<String, List<String>> headers = new HashMap<>();
    headers.put("ETag", List.of("\"" + path + "\""));
    if (range.isPresent()) {
      headers.put(
          "Content-Range", List.of("bytes %d-%d/%d".formatted(from, blob.length - 1, blob.length)));
    }
    return answer(
        request,
        handler,
        range.isPresent() ? 206 : 200,
        headers,
        ByteBuffer.wrap(blob, from, blob.length - from));
  }

  private static <T> HttpResponse<T> answer(
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
