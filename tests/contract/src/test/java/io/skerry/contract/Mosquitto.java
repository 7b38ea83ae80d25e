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
final class Mosquitto implements AutoCloseable {
  private static final String INSTALLED_AT = "/etc/mosquitto/skerry/";
  private static final Path DOCUMENTED =
      Path.of(System.getProperty("skerry.home", "../..")).resolve("docs/brokers");
  private static final Duration READY_WITHIN = Duration.ofSeconds(30);

  private final Process process;
  private final Path log;

  private Mosquitto(Process process, Path log) {
    this.process = process;
    this.log = log;
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

  /**
   * Starts it with the documented files; only the port, the paths and the user differ.
   *
   * @param tls the folder with what the control plane has written for it
   */
  static Mosquitto start(Path folder, Path tls, int port) throws IOException, InterruptedException {
    Files.copy(DOCUMENTED.resolve("mosquitto.acl"), tls.resolve("acl"));
    Path configuration = folder.resolve("mosquitto.conf");
    Files.writeString(
        configuration,
        Files.readString(DOCUMENTED.resolve("mosquitto.conf"))
                .replace("listener 8883\n", "listener " + port + " 127.0.0.1\n")
                .replace(INSTALLED_AT, tls + "/")
            + "user "
            + System.getProperty("user.name")
            + "\n");
    Path log = folder.resolve("mosquitto.log");
    Process process =
        new ProcessBuilder(
                List.of(program().orElseThrow().toString(), "-c", configuration.toString()))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    Mosquitto started = new Mosquitto(process, log);
    started.awaitPort(port);
    return started;
  }

  private void awaitPort(int port) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + READY_WITHIN.toNanos();
    while (!answers(port)) {
      if (process.waitFor(50, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
        close();
        throw new AssertionError("mosquitto did not start:\n" + Files.readString(log));
      }
    }
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
