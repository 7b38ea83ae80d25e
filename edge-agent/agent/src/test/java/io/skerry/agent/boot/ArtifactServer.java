package io.skerry.agent.boot;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Blobs over HTTP with ranges; can answer less than it has, or other bytes. */
final class ArtifactServer implements AutoCloseable {
  private final HttpServer server;
  private final Map<String, byte[]> blobs = Collections.synchronizedMap(new HashMap<>());
  final List<String> ranges = Collections.synchronizedList(new ArrayList<>());
  final List<String> authorizations = Collections.synchronizedList(new ArrayList<>());
  volatile int bytesPerAnswerMax = Integer.MAX_VALUE;

  ArtifactServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/artifacts/sha256/", this::answer);
    server.start();
  }

  URI base() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/artifacts");
  }

  void add(Path layout) throws IOException {
    try (Stream<Path> files = Files.list(layout.resolve("blobs").resolve("sha256"))) {
      for (Path file : files.toList()) {
        blobs.put(String.valueOf(file.getFileName()), Files.readAllBytes(file));
      }
    }
  }

  void spoil(String hex) {
    byte[] bytes = blobs.getOrDefault(hex, new byte[1]).clone();
    bytes[bytes.length / 2] ^= 1;
    blobs.put(hex, bytes);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    byte[] blob = blobs.get(path.substring(path.lastIndexOf('/') + 1));
    authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
    try (exchange) {
      if (blob == null) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      String range = exchange.getRequestHeaders().getFirst("Range");
      int from = 0;
      if (range != null) {
        ranges.add(range);
        from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
        exchange
            .getResponseHeaders()
            .set("Content-Range", "bytes %d-%d/%d".formatted(from, blob.length - 1, blob.length));
      }
      exchange.sendResponseHeaders(range == null ? 200 : 206, blob.length - from);
      // Closing before all is written cuts the connection.
      exchange.getResponseBody().write(blob, from, Math.min(bytesPerAnswerMax, blob.length - from));
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
