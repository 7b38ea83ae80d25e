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
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/**
 * Gives artifacts out of memory, with ranges, on the caller's thread, to one device over a line
 * that can fail.
 */
public final class ArtifactServer extends HttpClient {
  private static final int PIECE_BYTES = 16 * 1024;
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

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
    String hex = path.substring(path.lastIndexOf('/') + 1);
    Optional<byte[]> blob = blobs.apply(hex);
    Fate fate = line.next(blob.map(bytes -> bytes.length).orElse(0));
    if (fate.bytes() < 0) {
      throw new IOException("connection refused");
    }
    if (fate.status() != 0) {
      return answer(request, handler, fate.status(), Map.of(), Body.EMPTY);
    }
    if (blob.isEmpty()) {
      int status = DIGEST.matcher(hex).matches() ? 404 : 400;
      return answer(request, handler, status, Map.of(), Body.EMPTY);
    }
    byte[] content = blob.get();
    Map<String, List<String>> headers = new HashMap<>();
    String tag = "\"sha256:" + hex + "\"";
    headers.put("ETag", List.of(tag));
    headers.put("Accept-Ranges", List.of("bytes"));
    Optional<Part> asked =
        request
            .headers()
            .firstValue("Range")
            .filter(range -> request.headers().firstValue("If-Range").orElse(tag).equals(tag))
            .flatMap(range -> Part.of(range, content.length));
    Part part = asked.orElse(new Part(0, content.length));
    if (asked.isPresent() && part.length() <= 0) {
      headers.put("Content-Range", List.of("bytes */" + content.length));
      return answer(request, handler, 416, headers, Body.EMPTY);
    }
    if (asked.isPresent()) {
      headers.put(
          "Content-Range",
          List.of("bytes %d-%d/%d".formatted(part.from(), part.to() - 1, content.length)));
    }
    headers.put("Content-Length", List.of(Integer.toString(part.length())));
    int status = asked.isPresent() ? 206 : 200;
    return answer(request, handler, status, headers, Body.of(content, part, fate));
  }

  /** The bytes from one place until before another; none where nothing is there. */
  private record Part(int from, int to) {
    int length() {
      return to - from;
    }

    /** What a header asks for; empty when nobody understands it, or it asks for several parts. */
    static Optional<Part> of(String header, int size) {
      Matcher range = RANGE.matcher(header);
      if (!range.matches() || (range.group(1).isEmpty() && range.group(2).isEmpty())) {
        return Optional.empty();
      }
      if (range.group(1).isEmpty()) {
        return Optional.of(
            new Part((int) Math.max(0, size - Long.parseLong(range.group(2))), size));
      }
      long first = Long.parseLong(range.group(1));
      long last = range.group(2).isEmpty() ? Long.MAX_VALUE - 1 : Long.parseLong(range.group(2));
      return last < first
          ? Optional.empty()
          : Optional.of(new Part((int) Math.min(first, size), (int) Math.min(last + 1, size)));
    }
  }

  /**
   * What comes of a body.
   *
   * @param isCut whether the line breaks behind it
   */
  private record Body(ByteBuffer bytes, boolean isCut) {
    static final Body EMPTY = new Body(ByteBuffer.allocate(0), false);

    static Body of(byte[] content, Part part, Fate fate) {
      int length = Math.min(part.length(), fate.bytes());
      ByteBuffer bytes = ByteBuffer.wrap(content, part.from(), length).slice();
      if (fate.spoiled() && length > 0) {
        ByteBuffer copy = ByteBuffer.allocate(length).put(bytes).flip();
        copy.put(length / 2, (byte) (copy.get(length / 2) ^ 1));
        bytes = copy;
      }
      return new Body(bytes, length < part.length());
    }
  }

  private <T> HttpResponse<T> answer(
      HttpRequest request,
      HttpResponse.BodyHandler<T> handler,
      int status,
      Map<String, List<String>> fields,
      Body body)
      throws IOException {
    HttpHeaders headers = HttpHeaders.of(fields, (name, value) -> true);
    HttpResponse.BodySubscriber<T> subscriber = handler.apply(new Head(status, headers));
    subscriber.onSubscribe(
        new Flow.Subscription() {
          private final ByteBuffer bytes = body.bytes().duplicate();
          private boolean ended;

          @Override
          public void request(long count) {
            for (long i = 0; i < count && !ended; i++) {
              if (bytes.hasRemaining()) {
                int length = Math.min(PIECE_BYTES, bytes.remaining());
                ByteBuffer piece = bytes.slice(bytes.position(), length);
                bytes.position(bytes.position() + length);
                line.gave(length);
                subscriber.onNext(List.of(piece));
              } else {
                ended = true;
                end(subscriber, body.isCut());
              }
            }
          }

          @Override
          public void cancel() {
            ended = true;
          }
        });
    return new Answer<>(request, status, headers, whole(subscriber));
  }

  private static void end(HttpResponse.BodySubscriber<?> subscriber, boolean isCut) {
    if (isCut) {
      subscriber.onError(new IOException("connection reset"));
    } else {
      subscriber.onComplete();
    }
  }

  private static <T> T whole(HttpResponse.BodySubscriber<T> subscriber) throws IOException {
    try {
      return subscriber.getBody().toCompletableFuture().join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException broken) {
        throw broken;
      }
      throw e;
    }
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
