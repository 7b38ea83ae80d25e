package io.skerry.contract;

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
import org.junit.jupiter.api.Assumptions;

/**
 * A Mosquitto of this machine, on loopback, with the configuration that the documentation gives.
 */
final class Mosquitto implements LinkBroker {
  private static final String INSTALLED_AT = "/etc/mosquitto/skerry/";
  private static final Path DOCUMENTED =
      Path.of(System.getProperty("skerry.home", "../..")).resolve("docs/brokers");
  private static final Duration READY_WITHIN = Duration.ofSeconds(30);

  private final Path configuration;
  private final Path log;
  private final int port;
  private Process process;

  private Mosquitto(Path folder, int port) throws IOException {
    this.configuration = folder.resolve("mosquitto.conf");
    this.log = folder.resolve("mosquitto.log");
    this.port = port;
    this.process = launch();
  }

  /** Skips the test with one line when there is none. */
  static void require() {
    Assumptions.assumeTrue(
        program().isPresent(),
        "no mosquitto is installed: the tests against it are skipped (apt-get install mosquitto)");
  }

  private static Optional<Path> program() {
    return Stream.concat(
            Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/usr/local/sbin"))
        .map(folder -> Path.of(folder, "mosquitto"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Starts it with certificates of the authority; skips the test when there is none. */
  static Mosquitto start(Path folder, LinkAuthority authority) throws Exception {
    require();
    Path tls = folder.resolve("tls");
    authority.writeTo(tls);
    return start(folder, tls, freePort());
  }

  /**
   * Starts it with the documented files; only the port, the paths and the user differ.
   *
   * @param tls the folder with what the control plane has written for it
   */
  static Mosquitto start(Path folder, Path tls, int port) throws IOException, InterruptedException {
    Files.copy(DOCUMENTED.resolve("mosquitto.acl"), tls.resolve("acl"));
    Files.writeString(
        folder.resolve("mosquitto.conf"),
        Files.readString(DOCUMENTED.resolve("mosquitto.conf"))
                .replace("listener 8883\n", "listener " + port + " 127.0.0.1\n")
                .replace(INSTALLED_AT, tls + "/")
            + "user "
            + System.getProperty("user.name")
            + "\n");
    Mosquitto started = new Mosquitto(folder, port);
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

  @Override
  public int port() {
    return port;
  }

  @Override
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

  static int freePort() throws IOException {
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
