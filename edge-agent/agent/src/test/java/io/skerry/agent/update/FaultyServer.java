package io.skerry.agent.update;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Answers each request as the script says, byte by byte, one connection each. */
final class FaultyServer implements AutoCloseable {
  private final ServerSocket socket;
  private final BlockingQueue<Answer> script = new LinkedBlockingQueue<>();
  private final List<Map<String, String>> requests =
      Collections.synchronizedList(new ArrayList<>());

  /** What is sent for one request. */
  interface Answer {
    void write(Map<String, String> request, OutputStream target) throws IOException;
  }

  FaultyServer() throws IOException {
    socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  URI base() {
    return URI.create("http://127.0.0.1:%d/artifacts".formatted(socket.getLocalPort()));
  }

  FaultyServer then(Answer answer) {
    script.add(answer);
    return this;
  }

  /** Headers of what was asked, names in lower case. */
  List<Map<String, String>> requests() {
    return List.copyOf(requests);
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        Socket connection = socket.accept();
        Thread.ofVirtual().start(() -> answer(connection));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void answer(Socket connection) {
    try (connection) {
      Map<String, String> request = request(connection.getInputStream());
      requests.add(request);
      script.take().write(request, connection.getOutputStream());
      connection.getOutputStream().flush();
    } catch (IOException | InterruptedException e) {
      // The client went away, or the test is over.
    }
  }

  private static Map<String, String> request(InputStream source) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = source.read();
      if (next < 0) {
        throw new IOException("no request");
      }
      head.append((char) next);
    }
    Map<String, String> fields = new TreeMap<>();
    head.toString()
        .lines()
        .filter(line -> line.contains(": "))
        .forEach(
            line -> {
              String[] parts = line.split(": ", 2);
              fields.put(parts[0].toLowerCase(Locale.ROOT), parts[1]);
            });
    return fields;
  }

  static int from(Map<String, String> request) {
    String range = request.getOrDefault("range", "bytes=0-");
    return Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
  }

  static void head(OutputStream target, String status, String... fields) throws IOException {
    StringBuilder head = new StringBuilder("HTTP/1.1 ").append(status).append("\r\n");
    for (String field : fields) {
      head.append(field).append("\r\n");
    }
    target.write(
        head.append("Connection: close\r\n\r\n").toString().getBytes(StandardCharsets.US_ASCII));
  }

  /** The blob as it should be served. */
  static Answer whole(byte[] blob) {
    return bytes(blob, blob.length);
  }

  /** Says that everything comes, and ends after so many bytes of it. */
  static Answer bytes(byte[] blob, int count) {
    return (request, target) -> {
      int from = from(request);
      if (request.containsKey("range")) {
        head(
            target,
            "206 Partial Content",
            "Content-Range: bytes %d-%d/%d".formatted(from, blob.length - 1, blob.length),
            "Content-Length: " + (blob.length - from),
            "ETag: \"tag\"");
      } else {
        head(target, "200 OK", "Content-Length: " + blob.length, "ETag: \"tag\"");
      }
      target.write(blob, from, Math.min(count, blob.length - from));
    };
  }

  static Answer status(String status, String... fields) {
    return (request, target) -> head(target, status, fields);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
