package io.skerry.agent.diagnose;

import io.skerry.agent.serve.LeftOverSocket;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ListenException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers GET on a Unix socket or a loopback port, one request per connection, a few connections at
 * a time. Enough for a scraper and a person with curl.
 */
final class LocalHttp implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LocalHttp.class);

  static final int HEAD_BYTES_MAX = 8 << 10;
  static final int CONNECTIONS_MAX = 8;
  private static final int READ_SECONDS_MAX = 10;

  /**
   * An answer.
   *
   * @param type the body's media type
   */
  record Page(int status, String type, ByteBuffer body) {
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";

    static Page text(String body) {
      return new Page(200, TEXT, StandardCharsets.UTF_8.encode(body));
    }

    static Page refusal(int status, String why) {
      return new Page(status, TEXT, StandardCharsets.UTF_8.encode(why + "\n"));
    }
  }

  /** Makes a page. */
  @FunctionalInterface
  interface Route {
    Page answer(Map<String, String> query) throws IOException, InterruptedException;
  }

  private final ServerSocketChannel server;
  private final Map<String, Route> routes;
  private final Optional<Path> socket;
  private final Semaphore places = new Semaphore(CONNECTIONS_MAX);

  private LocalHttp(ServerSocketChannel server, Map<String, Route> routes, Optional<Path> socket) {
    this.server = server;
    this.routes = Map.copyOf(routes);
    this.socket = socket;
  }

  /** Says who may open a socket. */
  @FunctionalInterface
  interface Permit {
    void grant(Path socket) throws IOException;
  }

  /**
   * Listens on a Unix socket that only some may open.
   *
   * @param permissions as {@code rw-------}
   * @throws ListenException if there is a file of another kind, or a program that serves there
   */
  static LocalHttp onSocket(
      ListenAddress.Unix address, String permissions, Map<String, Route> routes)
      throws IOException, ListenException {
    return onSocket(
        address,
        socket ->
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString(permissions)),
        routes);
  }

  static LocalHttp onSocket(ListenAddress.Unix address, Permit permit, Map<String, Route> routes)
      throws IOException, ListenException {
    LeftOverSocket.remove(address, address.path());
    return onFreePath(address.path(), permit, routes);
  }

  /** Listens where no file is; one that came meanwhile is another program's and stays. */
  static LocalHttp onFreePath(Path path, Permit permit, Map<String, Route> routes)
      throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(path));
    } catch (IOException e) {
      server.close();
      throw e;
    }
    LocalHttp http = new LocalHttp(server, routes, Optional.of(path));
    boolean open = false;
    try {
      permit.grant(path);
      http.refuseWaiting();
      http.start();
      open = true;
      return http;
    } finally {
      if (!open) {
        http.close();
      }
    }
  }

  /** Listens on a port of 127.0.0.1; 0 for any free one. */
  static LocalHttp onPort(InetSocketAddress address, Map<String, Route> routes) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open();
    try {
      server.bind(address);
    } catch (IOException e) {
      server.close();
      throw e;
    }
    LocalHttp http = new LocalHttp(server, routes, Optional.empty());
    http.start();
    return http;
  }

  // Whoever came before it was said who may had nobody's permission.
  private void refuseWaiting() throws IOException {
    server.configureBlocking(false);
    for (SocketChannel early = server.accept(); early != null; early = server.accept()) {
      early.close();
    }
    server.configureBlocking(true);
  }

  private void start() {
    Thread.ofPlatform().daemon().name("agent-diagnose").start(this::accept);
  }

  /** The port; only of one that listens on a port. */
  int port() throws IOException {
    return ((InetSocketAddress) server.getLocalAddress()).getPort();
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        SocketChannel client = server.accept();
        if (places.tryAcquire()) {
          Thread.ofVirtual().start(() -> serve(client));
        } else {
          client.close();
        }
      } catch (ClosedChannelException closed) {
        return;
      } catch (IOException e) {
        log.atWarn().setCause(e).log("connection was not accepted");
      }
    }
  }

  private void serve(SocketChannel client) {
    try (client) {
      // A client that says nothing is cut off, so that it does not keep its place.
      Thread reader = Thread.currentThread();
      Thread watch =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      TimeUnit.SECONDS.sleep(READ_SECONDS_MAX);
                      reader.interrupt();
                    } catch (InterruptedException readInTime) {
                      Thread.currentThread().interrupt();
                    }
                  });
      String line = requestLine(client);
      watch.interrupt();
      write(client, answer(line));
    } catch (IOException e) {
      log.atDebug().setCause(e).log("request was cut off");
    } finally {
      places.release();
    }
  }

  private static @Nullable String requestLine(SocketChannel client) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES_MAX);
    while (head.hasRemaining() && client.read(head) >= 0) {
      String text = new String(head.array(), 0, head.position(), StandardCharsets.ISO_8859_1);
      if (text.contains("\r\n\r\n") || text.contains("\n\n")) {
        return text.substring(0, text.indexOf('\n')).strip();
      }
    }
    return null;
  }

  private Page answer(@Nullable String line) {
    if (line == null) {
      return Page.refusal(431, "the request's head is cut off or longer than 8 KiB");
    }
    String[] parts = line.split(" ", -1);
    if (parts.length != 3 || !parts[0].equals("GET")) {
      return Page.refusal(405, "only GET is answered here");
    }
    int mark = parts[1].indexOf('?');
    String path = mark < 0 ? parts[1] : parts[1].substring(0, mark);
    Route route = routes.get(path);
    if (route == null) {
      return Page.refusal(404, "no such page; there are " + String.join(", ", routes.keySet()));
    }
    try {
      return route.answer(mark < 0 ? Map.of() : query(parts[1].substring(mark + 1)));
    } catch (IllegalArgumentException e) {
      return Page.refusal(400, String.valueOf(e.getMessage()));
    } catch (IOException | RuntimeException e) {
      log.atWarn().addKeyValue("page", path).setCause(e).log("page was not made");
      return Page.refusal(500, "the page could not be made: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Page.refusal(503, "the agent stops");
    }
  }

  private static Map<String, String> query(String text) {
    Map<String, String> query = new HashMap<>();
    for (String pair : text.split("&", -1)) {
      int equals = pair.indexOf('=');
      if (equals > 0) {
        query.put(
            pair.substring(0, equals),
            URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8));
      }
    }
    return query;
  }

  private static void write(SocketChannel client, Page page) throws IOException {
    byte[] head =
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(
                page.status(),
                page.status() == 200 ? "OK" : "Refused",
                page.type(),
                page.body().remaining())
            .getBytes(StandardCharsets.US_ASCII);
    for (ByteBuffer rest : new ByteBuffer[] {ByteBuffer.wrap(head), page.body().duplicate()}) {
      while (rest.hasRemaining()) {
        client.write(rest);
      }
    }
  }

  @Override
  public void close() {
    try {
      server.close();
      if (socket.isPresent()) {
        Files.deleteIfExists(socket.get());
      }
    } catch (IOException e) {
      log.atWarn().setCause(e).log("diagnostics did not close");
    }
  }
}
