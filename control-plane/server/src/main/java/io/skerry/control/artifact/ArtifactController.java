package io.skerry.control.artifact;

import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.server.types.files.StreamedFile;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.OnPort;
import io.skerry.control.access.Role;
import io.skerry.control.artifact.ArtifactStore.Blob;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;

/** Downloads. A blob never changes, so its digest is its ETag and it may be kept for good. */
@Controller("/artifacts")
@Allowed(value = Role.VIEWER, devices = true)
@OnPort({OnPort.Port.CONSOLE, OnPort.Port.DEVICES})
final class ArtifactController {
  private final ArtifactStore store;

  ArtifactController(ArtifactStore store) {
    this.store = store;
  }

  @Get("/sha256/{hex}")
  HttpResponse<?> blob(HttpRequest<?> request, String hex) throws IOException {
    Blob blob = find(hex);
    String etag = "\"sha256:" + hex + "\"";
    if (etag.equals(request.getHeaders().get(HttpHeaders.IF_NONE_MATCH))) {
      return HttpResponse.notModified().header(HttpHeaders.ETAG, etag);
    }
    return switch (range(request, blob, etag)) {
      case ByteRange.Unsatisfiable none ->
          common(HttpResponse.status(HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE), etag)
              .header(HttpHeaders.CONTENT_RANGE, "bytes */" + blob.bytes());
      case ByteRange.Whole whole ->
          answer(request, common(HttpResponse.ok(), etag), blob, 0, blob.bytes());
      case ByteRange.Part part ->
          answer(
              request,
              common(HttpResponse.status(HttpStatus.PARTIAL_CONTENT), etag)
                  .header(
                      HttpHeaders.CONTENT_RANGE,
                      "bytes %d-%d/%d".formatted(part.first(), part.last(), blob.bytes())),
              blob,
              part.first(),
              part.length());
    };
  }

  private Blob find(String hex) {
    try {
      return store
          .find(new Digest(hex))
          .orElseThrow(
              () ->
                  new ProblemException(ErrorCode.ARTIFACT_NOT_FOUND, "no artifact sha256:" + hex));
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private static ByteRange range(HttpRequest<?> request, Blob blob, String etag) {
    String asked = request.getHeaders().get(HttpHeaders.RANGE);
    String condition = request.getHeaders().get(HttpHeaders.IF_RANGE);
    return asked == null || (condition != null && !condition.equals(etag))
        ? new ByteRange.Whole()
        : ByteRange.of(asked, blob.bytes());
  }

  private static MutableHttpResponse<?> common(MutableHttpResponse<?> response, String etag) {
    return response
        .header(HttpHeaders.ETAG, etag)
        .header(HttpHeaders.ACCEPT_RANGES, "bytes")
        .header(HttpHeaders.CACHE_CONTROL, "private, max-age=31536000, immutable");
  }

  private static HttpResponse<?> answer(
      HttpRequest<?> request, MutableHttpResponse<?> response, Blob blob, long first, long length)
      throws IOException {
    if (request.getMethod() == HttpMethod.HEAD) {
      return response.contentType(MediaType.APPLICATION_OCTET_STREAM_TYPE).contentLength(length);
    }
    InputStream content = new BufferedInputStream(Files.newInputStream(blob.file()), 1 << 16);
    content.skipNBytes(first);
    return response.body(
        new StreamedFile(
            new Limited(content, length), MediaType.APPLICATION_OCTET_STREAM_TYPE, 0, length));
  }

  private static final class Limited extends FilterInputStream {
    private long left;

    Limited(InputStream in, long left) {
      super(in);
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      if (left == 0) {
        return -1;
      }
      int value = super.read();
      left--;
      return value;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int n = super.read(target, offset, (int) Math.min(length, left));
      left -= Math.max(0, n);
      return n;
    }
  }
}
