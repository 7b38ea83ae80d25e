package io.skerry.e2e.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A Mosquitto of this machine, on loopback, with the configuration that the documentation gives.
 */
public final class MosquittoProcess implements AutoCloseable {
  private static final String INSTALLED_AT = "/etc/mosquitto/skerry/";
  private static final Path DOCUMENTED =
      Path.of(System.getProperty("skerry.home", "../..")).resolve("docs/brokers");
  private static final Duration READY_WITHIN = Duration.ofSeconds(30);

  private final Path configuration;
  private final Path log;
  private final int port;
  private Process process;

  private MosquittoProcess(Path folder, int port) throws IOException {
    this.configuration = folder.resolve("mosquitto.conf");
    this.log = folder.resolve("mosquitto.log");
    this.port = port;
    this.process = launch();
  }

  /** Where it is installed. */
  public static Optional<Path> program() {
    return Stream.concat(
            Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/usr/local/sbin"))
        .map(folder -> Path.of(folder, "mosquitto"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Starts it with the documented files; only the port, the paths and the user differ.
   *
   * @param tls the folder with what the control plane has written for it
   */
  public static MosquittoProcess start(Path folder, Path tls, int port)
      throws IOException, InterruptedException {
    Files.copy(DOCUMENTED.resolve("mosquitto.acl"), tls.resolve("acl"));
    Files.writeString(
        folder.resolve("mosquitto.conf"),
        Files.readString(DOCUMENTED.resolve("mosquitto.conf"))
                .replace("listener 8883\n", "listener " + port + " 127.0.0.1\n")
                .replace(INSTALLED_AT, tls + "/")
            + "user "
            + System.getProperty("user.name")
            + "\n");
    MosquittoProcess started = new MosquittoProcess(folder, port);
    started.awaitPort();
    return started;
  }

  private Process launch() throws IOException {
    return new ProcessBuilder(
            List.of(program().orElseThrow().toString(), "-c", configuration.toString()))
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  private void awaitPort() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + READY_WITHIN.toNanos();
    while (!answers(port)) {
      if (process.waitFor(50, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
        close();
        throw new AssertionError("mosquitto did not start:\n" + Files.readString(log));
      }
    }
  }

  /** Its port. */
  public int port() {
    return port;
  }

  /** Ends it without waiting for anybody, and starts it again with nothing in it. */
  public void restartEmpty() throws IOException, InterruptedException {
    process.destroyForcibly().waitFor();
    process = launch();
    awaitPort();
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** A port of loopback that nobody uses. */
  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
