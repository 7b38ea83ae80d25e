package io.skerry.agent.serve;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where the agent listens: a Unix socket, or a TCP port of this machine. */
public sealed interface ListenAddress {
  /**
   * A Unix socket.
   *
   * @param path of at most {@value #PATH_BYTES_MAX} bytes, a limit of the kernel
   */
  record Unix(Path path) implements ListenAddress {
    static final int PATH_BYTES_MAX = 107;

    /**
     * Checks the length.
     *
     * @throws IllegalArgumentException if the path is too long
     */
    public Unix {
      int bytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
      if (bytes > PATH_BYTES_MAX) {
        throw new IllegalArgumentException(
            "socket path '%s' has %d bytes, a socket's path may have %d"
                .formatted(path, bytes, PATH_BYTES_MAX));
      }
    }

    @Override
    public String toString() {
      return "unix:" + path;
    }
  }

  /**
   * A TCP port.
   *
   * @param port 0 for any free one
   */
  record Tcp(String host, int port) implements ListenAddress {
    /**
     * Checks the port.
     *
     * @throws IllegalArgumentException if it is not 0 to 65535
     */
    public Tcp {
      if (port < 0 || port > 65_535) {
        throw new IllegalArgumentException("port %d is not 0 to 65535".formatted(port));
      }
    }

    @Override
    public String toString() {
      return "tcp:%s:%d".formatted(host.contains(":") ? "[" + host + "]" : host, port);
    }
  }

  /**
   * Reads {@code unix:PATH} or {@code tcp:HOST:PORT}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  static ListenAddress parse(String text) {
    if (text.startsWith("unix:") && text.length() > "unix:".length()) {
      return new Unix(Path.of(text.substring("unix:".length())));
    }
    int colon = text.lastIndexOf(':');
    if (text.startsWith("tcp:") && colon > "tcp:".length()) {
      String host = text.substring("tcp:".length(), colon);
      try {
        return new Tcp(unbracketed(host), Integer.parseInt(text.substring(colon + 1)));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "'%s' has no port number: write tcp:HOST:PORT".formatted(text), e);
      }
    }
    throw new IllegalArgumentException(
        "'%s' is no address to listen on: write unix:PATH or tcp:HOST:PORT".formatted(text));
  }

  /**
   * The agent's usual socket: {@code /run/skerry/agent.sock} for a service, else {@code
   * $XDG_RUNTIME_DIR/skerry/agent.sock}; empty when this user has neither place.
   */
  static Optional<ListenAddress> usual(Map<String, String> environment) {
    Path service = Path.of("/run/skerry");
    if (Files.isWritable(Files.exists(service) ? service : Path.of("/run"))) {
      return Optional.of(new Unix(service.resolve("agent.sock")));
    }
    return Optional.ofNullable(environment.get("XDG_RUNTIME_DIR"))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> new Unix(Path.of(folder, "skerry", "agent.sock")));
  }

  private static String unbracketed(String host) {
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }
}
