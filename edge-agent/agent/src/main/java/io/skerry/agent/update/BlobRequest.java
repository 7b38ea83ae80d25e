package io.skerry.agent.update;

import io.skerry.agent.identity.NoKeyException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Asks for blobs over HTTP, and says what each answer means. Redirects are not followed.
 * Thread-safe.
 */
final class BlobRequest {
  private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "[::1]", "localhost");
  private static final int OK = 200;
  private static final int PARTIAL_CONTENT = 206;
  private static final int RANGE_NOT_SATISFIABLE = 416;

  /** Entity tags that are remembered; a forgotten one costs nothing but a wasted answer. */
  private static final int TAGS_MAX = 64;

  private final Supplier<HttpClient> http;
  private final Duration patience;
  private final Map<Digest, String> tags = new LinkedHashMap<>();

  /** An answer that gives bytes; close the body. */
  record Answer(long from, BodyFeed body) {}

  BlobRequest(Supplier<HttpClient> http, Duration patience) {
    this.http = http;
    this.patience = patience;
  }

  /**
   * Asks for a blob from a place on.
   *
   * @return where the body begins: there, or at 0 when the server knows no ranges; empty when it
   *     has nothing from there on
   */
  Optional<Answer> open(URI base, Digest digest, long from) throws UpdateException {
    URI uri = blobUri(base, digest);
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(patience).GET();
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
      tag(digest).ifPresent(tag -> request.header("If-Range", tag));
    }
    HttpResponse<BodyFeed> response = send(request.build(), digest);
    boolean taken = false;
    try {
      Optional<Answer> answer = judged(response, digest, from);
      taken = answer.isPresent();
      return answer;
    } finally {
      if (!taken) {
        response.body().close();
      }
    }
  }

  private static URI blobUri(URI base, Digest digest) throws UpdateException {
    if (!isSafe(base)
        || base.getUserInfo() != null
        || base.getQuery() != null
        || base.getFragment() != null) {
      throw new UpdateException(
          ErrorCode.DESIRED_UNSUPPORTED,
          "artifact base '%s' is no plain https address, or an http one of this machine"
              .formatted(base));
    }
    return URI.create(base.toString().replaceAll("/+$", "") + "/sha256/" + digest.hex());
  }

  // Over a network http would show models and what the device runs to whoever listens.
  private static boolean isSafe(URI base) {
    String scheme = String.valueOf(base.getScheme()).toLowerCase(Locale.ROOT);
    String host = base.getHost();
    return host != null
        && (scheme.equals("https") || (scheme.equals("http") && LOOPBACK.contains(host)));
  }

  private HttpResponse<BodyFeed> send(HttpRequest request, Digest digest) throws UpdateException {
    try {
      return http.get().send(request, head -> new BodyFeed());
    } catch (NoKeyException e) {
      throw new UpdateException(
          ErrorCode.IDENTITY_UNUSABLE, "nothing can be fetched: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new UpdateException(ErrorCode.DOWNLOAD_FAILED, "blob %s: %s".formatted(digest, e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpdateException(ErrorCode.SUPERSEDED, "interrupted", e);
    }
  }

  private Optional<Answer> judged(HttpResponse<BodyFeed> response, Digest digest, long from)
      throws UpdateException {
    int status = response.statusCode();
    switch (status) {
      case OK -> {
        remember(response, digest);
        return Optional.of(new Answer(0, response.body()));
      }
      case PARTIAL_CONTENT -> {
        String range = response.headers().firstValue("Content-Range").orElse("");
        if (!range.startsWith("bytes " + from + "-")) {
          throw failed(digest, "asked for bytes from %d, got '%s'".formatted(from, range));
        }
        remember(response, digest);
        return Optional.of(new Answer(from, response.body()));
      }
      case RANGE_NOT_SATISFIABLE -> {
        forget(digest);
        return Optional.empty();
      }
      case 404, 410 ->
          throw new UpdateException(
              ErrorCode.ARTIFACT_NOT_FOUND,
              "the server has no blob %s: it answered %d".formatted(digest, status));
      // The certificate may be renewed by the next attempt.
      case 401, 403 ->
          throw failed(digest, "the server refuses this device's credentials: " + status);
      case 408, 425 -> throw failed(digest, "the server answered " + status);
      case 429, 503 -> throw busy(response, digest);
      default -> {
        if (status >= 300 && status < 500) {
          throw new UpdateException(
              ErrorCode.ARTIFACT_NOT_FOUND,
              "blob %s: the server answered %d, which asking again does not change"
                  .formatted(digest, status));
        }
        throw failed(digest, "the server answered " + status);
      }
    }
  }

  private static UpdateException failed(Digest digest, String fault) {
    return new UpdateException(ErrorCode.DOWNLOAD_FAILED, "blob %s: %s".formatted(digest, fault));
  }

  private static UpdateException busy(HttpResponse<?> response, Digest digest) {
    String asked = response.headers().firstValue("Retry-After").orElse("");
    // The form with a date is left alone: this device's clock may be wrong.
    Duration wait =
        asked.matches("[0-9]{1,6}") ? Duration.ofSeconds(Long.parseLong(asked)) : Duration.ZERO;
    return new UpdateException(
        ErrorCode.DOWNLOAD_FAILED,
        "blob %s: the server is busy, it answered %d".formatted(digest, response.statusCode()),
        wait);
  }

  private synchronized Optional<String> tag(Digest digest) {
    return Optional.ofNullable(tags.get(digest));
  }

  private synchronized void forget(Digest digest) {
    tags.remove(digest);
  }

  private synchronized void remember(HttpResponse<?> response, Digest digest) {
    response
        .headers()
        .firstValue("ETag")
        // A weak tag does not promise the same bytes.
        .filter(tag -> tag.startsWith("\"") && tag.length() <= 200)
        .ifPresent(
            tag -> {
              if (tags.size() >= TAGS_MAX) {
                tags.remove(tags.keySet().iterator().next());
              }
              tags.put(digest, tag);
            });
  }
}
