package io.skerry.control.overview;

import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.skerry.control.access.Open;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;

/** The console's style, scripts and icon. They tell nothing about anybody's fleet. */
@Controller("/console")
@Open
final class ConsoleFiles {
  private static final Map<String, String> RESOURCES =
      Map.of(
          "console.css", "/console/console.css",
          "console.js", "/console/console.js",
          "labelling.js", "/console/labelling.js",
          "theme.js", "/console/theme.js",
          "icon.svg", "/console/icon.svg",
          "htmx.js", "/META-INF/resources/webjars/htmx.org/2.0.10/dist/htmx.min.js");

  private final Map<String, ConsoleFile> files = new TreeMap<>();

  ConsoleFiles() {
    RESOURCES.forEach((name, resource) -> files.put(name, read(name, resource)));
  }

  /** A file with its digest, which is its ETag. */
  private static final class ConsoleFile {
    private final byte[] content;
    private final String etag;
    private final MediaType type;

    ConsoleFile(byte[] content, MediaType type) {
      this.content = content;
      this.etag = "\"" + Digest.of(content).hex() + "\"";
      this.type = type;
    }
  }

  @Get("/{name}")
  HttpResponse<byte[]> file(HttpRequest<?> request, String name) {
    ConsoleFile file = files.get(name);
    if (file == null) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND, "the console has no file '%s'".formatted(name));
    }
    if (file.etag.equals(request.getHeaders().get(HttpHeaders.IF_NONE_MATCH))) {
      return HttpResponse.<byte[]>notModified().header(HttpHeaders.ETAG, file.etag);
    }
    return HttpResponse.ok(file.content)
        .contentType(file.type)
        .header(HttpHeaders.ETAG, file.etag)
        .header(HttpHeaders.CACHE_CONTROL, "no-cache")
        .header("X-Content-Type-Options", "nosniff");
  }

  private static ConsoleFile read(String name, String resource) {
    try (InputStream in = ConsoleFiles.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("%s is not on the class path".formatted(resource));
      }
      return new ConsoleFile(in.readAllBytes(), type(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MediaType type(String name) {
    return switch (name.substring(name.lastIndexOf('.'))) {
      case ".css" -> MediaType.of("text/css;charset=utf-8");
      case ".js" -> MediaType.of("text/javascript;charset=utf-8");
      default -> MediaType.of("image/svg+xml");
    };
  }
}
