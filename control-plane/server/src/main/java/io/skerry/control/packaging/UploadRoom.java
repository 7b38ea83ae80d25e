package io.skerry.control.packaging;

import io.micronaut.context.annotation.Value;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Refuses files for which the disk has no room before a byte of them is received: on a full disk
 * nothing else of the server could write either, its database least of all.
 */
@ServerFilter("/v1/models/*/import")
final class UploadRoom implements Ordered {
  /** Bytes that no upload may take from the rest of the server. */
  static final long KEPT_FREE = 128L << 20;

  private final Path folder;

  UploadRoom(@Value("${micronaut.server.multipart.location}") String folder) {
    this.folder = Path.of(folder);
  }

  // Last: who may not import is told that.
  @Override
  public int getOrder() {
    return Ordered.LOWEST_PRECEDENCE;
  }

  @RequestFilter
  void check(HttpRequest<?> request) throws IOException {
    if (request.getContentLength() < 0) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "the request does not say how long it is: send it with a Content-Length");
    }
    check(request.getContentLength(), Files.getFileStore(folder).getUsableSpace());
  }

  static void check(long announced, long usable) {
    if (usable - announced < KEPT_FREE) {
      throw new ProblemException(
          ErrorCode.STORAGE_FULL,
          String.format(
              Locale.ROOT,
              "the files have %.1f MB, and the disk of the server's data folder has %.1f MB left,"
                  + " of which %.0f are kept for its database: make room there, then import again",
              announced / 1e6,
              usable / 1e6,
              KEPT_FREE / 1e6));
    }
  }
}
