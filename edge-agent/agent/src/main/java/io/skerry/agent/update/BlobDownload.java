package io.skerry.agent.update;

import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.disk.DiskFullException;
import io.skerry.artifact.Layer;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Fetches blobs over HTTP into a {@link BlobFolder}; goes on where it stopped, after checking the
 * chunks that are there.
 */
final class BlobDownload {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int BUFFER_BYTES = 64 * 1024;
  private static final int PARTIAL_CONTENT = 206;

  private final Supplier<HttpClient> http;
  private final BlobFolder blobs;
  private final URI trustedBase;
  private final String authorization;

  /**
   * @param trustedBase the device's secret is sent to this origin only
   * @param login tenant, slash, device
   */
  BlobDownload(
      Supplier<HttpClient> http, BlobFolder blobs, URI trustedBase, String login, String secret) {
    this.http = http;
    this.blobs = blobs;
    this.trustedBase = trustedBase;
    this.authorization =
        "Basic "
            + Base64.getEncoder()
                .encodeToString((login + ":" + secret).getBytes(StandardCharsets.UTF_8));
  }

  /** Fetches a layer unless it is here. */
  void fetch(URI base, Layer layer, BooleanSupplier cancelled) throws UpdateException {
    fetch(base, layer.digest(), layer.size(), layer.chunks(), cancelled);
  }

  /** Fetches a blob of at most so many bytes unless it is here. */
  void fetch(URI base, Digest digest, long bytesMax, BooleanSupplier cancelled)
      throws UpdateException {
    fetch(base, digest, bytesMax, List.of(), cancelled);
  }

  private void fetch(
      URI base, Digest digest, long bytesMax, List<Digest> chunks, BooleanSupplier cancelled)
      throws UpdateException {
    if (blobs.has(digest)) {
      return;
    }
    try (DiskFile file = blobs.openPart(digest)) {
      file.truncate(checkedBytes(file, chunks));
      if (chunks.isEmpty() || file.size() < bytesMax) {
        receive(base, digest, bytesMax, file, cancelled);
      }
      file.force();
      Digest found = digest(file);
      if (!found.equals(digest)) {
        file.truncate(0);
        throw new UpdateException(
            ErrorCode.ARTIFACT_DIGEST_MISMATCH,
            "artifact digest mismatch: expected %s, got %s".formatted(digest, found));
      }
      blobs.complete(digest);
    } catch (IOException e) {
      throw new UpdateException(
          e instanceof DiskFullException ? ErrorCode.STORAGE_FULL : ErrorCode.STORAGE_FAILED,
          "blob %s cannot be stored: %s".formatted(digest, e.getMessage()),
          e);
    }
  }

  private void receive(
      URI base, Digest digest, long bytesMax, DiskFile file, BooleanSupplier cancelled)
      throws UpdateException, IOException {
    URI uri = URI.create(base.toString().replaceAll("/+$", "") + "/sha256/" + digest.hex());
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(PATIENCE).GET();
    if (sameOrigin(uri, trustedBase)) {
      request.header("Authorization", authorization);
    }
    long have = file.size();
    if (have > 0) {
      request.header("Range", "bytes=" + have + "-");
    }
    HttpResponse<InputStream> response = send(request.build(), digest);
    try (InputStream body = response.body()) {
      long position = accepted(response, digest, have);
      if (position == 0) {
        file.truncate(0);
      }
      byte[] buffer = new byte[BUFFER_BYTES];
      while (true) {
        int read = read(body, buffer, digest);
        if (read < 0) {
          return;
        }
        if (cancelled.getAsBoolean()) {
          throw new UpdateException(ErrorCode.SUPERSEDED, "a newer order came");
        }
        if (position + read > bytesMax) {
          file.truncate(0);
          throw new UpdateException(
              ErrorCode.ARTIFACT_DIGEST_MISMATCH,
              "blob %s has more than its %d bytes".formatted(digest, bytesMax));
        }
        file.write(ByteBuffer.wrap(buffer, 0, read), position);
        position += read;
      }
    }
  }

  private HttpResponse<InputStream> send(HttpRequest request, Digest digest)
      throws UpdateException {
    try {
      return http.get().send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw failed(digest, String.valueOf(e.getMessage()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(digest, "interrupted", e);
    }
  }

  private static int read(InputStream body, byte[] buffer, Digest digest) throws UpdateException {
    try {
      return body.read(buffer);
    } catch (IOException e) {
      throw failed(digest, String.valueOf(e.getMessage()), e);
    }
  }

  /** Where the body goes. */
  private static long accepted(HttpResponse<InputStream> response, Digest digest, long have)
      throws UpdateException {
    int status = response.statusCode();
    if (status == PARTIAL_CONTENT
        && response
            .headers()
            .firstValue("Content-Range")
            .filter(range -> range.startsWith("bytes " + have + "-"))
            .isPresent()) {
      return have;
    }
    return switch (status) {
      case 200 -> 0;
      case 404, 410 ->
          throw new UpdateException(
              ErrorCode.ARTIFACT_NOT_FOUND, "the server has no blob " + digest);
      default ->
          throw new UpdateException(
              ErrorCode.DOWNLOAD_FAILED,
              "blob %s: the server answered %d".formatted(digest, status));
    };
  }

  private static UpdateException failed(Digest digest, String reason, Exception cause) {
    return new UpdateException(
        ErrorCode.DOWNLOAD_FAILED, "blob %s: %s".formatted(digest, reason), cause);
  }

  private static boolean sameOrigin(URI one, URI other) {
    return String.valueOf(one.getScheme()).equals(other.getScheme())
        && String.valueOf(one.getHost()).equals(other.getHost())
        && one.getPort() == other.getPort();
  }

  /** Bytes of whole chunks from the start that are what they must be. */
  private static long checkedBytes(DiskFile file, List<Digest> chunks) throws IOException {
    long size = file.size();
    long checked = 0;
    ByteBuffer buffer = ByteBuffer.allocate(chunks.isEmpty() ? 0 : Layer.CHUNK_BYTES);
    for (Digest chunk : chunks) {
      buffer.clear().limit((int) Math.min(Layer.CHUNK_BYTES, size - checked));
      if (!buffer.hasRemaining()) {
        return checked;
      }
      file.read(buffer, checked);
      MessageDigest digest = Digest.newMessageDigest();
      digest.update(buffer.flip());
      if (!Digest.of(digest).equals(chunk)) {
        return checked;
      }
      checked += buffer.limit();
    }
    return checked;
  }

  private static Digest digest(DiskFile file) throws IOException {
    MessageDigest digest = Digest.newMessageDigest();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    long position = 0;
    while (true) {
      int read = file.read(buffer.clear(), position);
      if (read == 0) {
        return Digest.of(digest);
      }
      digest.update(buffer.flip());
      position += read;
    }
  }
}
