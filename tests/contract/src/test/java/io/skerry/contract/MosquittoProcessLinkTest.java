package io.skerry.contract;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;

/** With the Mosquitto of this machine. */
@Tag("slow")
class MosquittoProcessLinkTest extends LinkContract {
  @Override
  BareBroker start(Path folder) throws Exception {
    Optional<Path> program =
        Stream.concat(
                Stream.of(System.getenv("PATH").split(":")),
                Stream.of("/usr/sbin", "/usr/local/sbin"))
            .map(path -> Path.of(path, "mosquitto"))
            .filter(Files::isExecutable)
            .findFirst();
    Assumptions.assumeTrue(
        program.isPresent(),
        "no mosquitto is installed: the tests against it are skipped (apt-get install mosquitto)");
    return new Bare(program.get(), folder);
  }

  private static final class Bare implements BareBroker {
    private final Path program;
    private final Path folder;
    private final int port;
    private Process process;

    Bare(Path program, Path folder) throws Exception {
      this.program = program;
      this.folder = folder;
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        this.port = free.getLocalPort();
      }
      this.process = launch();
    }

    private Process launch() throws Exception {
      Path configuration = folder.resolve("bare.conf");
      Files.writeString(
          configuration,
          "listener %d 127.0.0.1%nallow_anonymous true%npersistence false%nmax_queued_messages 1000%n"
              .formatted(port));
      Process launched =
          new ProcessBuilder(List.of(program.toString(), "-c", configuration.toString()))
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("bare.log").toFile())
              .start();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!answers()) {
        if (launched.waitFor(50, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
          throw new AssertionError("mosquitto: " + Files.readString(folder.resolve("bare.log")));
        }
      }
      return launched;
    }

    private boolean answers() {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
        return true;
      } catch (IOException e) {
        return false;
      }
    }

    @Override
    public int port() {
      return port;
    }

    @Override
    public void restartEmpty() throws Exception {
      stop();
      process = launch();
    }

    @Override
    public void stop() throws Exception {
      process.destroyForcibly().waitFor();
    }
  }
}
