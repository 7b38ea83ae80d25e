package io.skerry.control.packaging;

import io.micronaut.context.annotation.Value;
import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.skerry.control.host.DataFolder;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Refuses files for which there is no room before a byte of them is received: what is received lies
 * in one folder, and is then copied to two others, the model's own and the registry's.
 */
@ServerFilter("/v1/models/*/import")
final class UploadRoom implements Ordered {
  private static final int COPIES = 2;

  private final Path uploads;
  private final Path data;

  UploadRoom(@Value("${micronaut.server.multipart.location}") String uploads, DataFolder folder) {
    this.uploads = Path.of(uploads);
    this.data = folder.root();
  }

  // Last: who may not import is told that.
  @Override
  public int getOrder() {
    return Ordered.LOWEST_PRECEDENCE;
  }

  @RequestFilter
  void check(HttpRequest<?> request) throws IOException {
    long announced = request.getContentLength();
    if (announced < 0) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "the request does not say how long it is: send it with a Content-Length");
    }
    if (Files.getFileStore(uploads).equals(Files.getFileStore(data))) {
      DiskRoom.require(data, (1 + COPIES) * announced);
    } else {
      DiskRoom.require(uploads, announced);
      DiskRoom.require(data, COPIES * announced);
    }
  }
}
