package io.skerry.contract;

import io.skerry.e2e.net.MosquittoProcess;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** A Mosquitto of this machine with what the control plane writes for it. */
final class Mosquitto implements LinkBroker {
  private final MosquittoProcess process;

  private Mosquitto(MosquittoProcess process) {
    this.process = process;
  }

  /** Skips the test with one line when there is none. */
  static void require() {
    Assumptions.assumeTrue(
        MosquittoProcess.program().isPresent(),
        "no mosquitto is installed: the tests against it are skipped (apt-get install mosquitto)");
  }

  /** Starts it with certificates of the authority; skips the test when there is none. */
  static Mosquitto start(Path folder, LinkAuthority authority) throws Exception {
    require();
    Path tls = folder.resolve("tls");
    authority.writeTo(tls);
    return start(folder, tls, freePort());
  }

  /**
   * Starts it with the documented files.
   *
   * @param tls the folder with what the control plane has written for it
   */
  static Mosquitto start(Path folder, Path tls, int port) throws IOException, InterruptedException {
    return new Mosquitto(MosquittoProcess.start(folder, tls, port));
  }

  @Override
  public int port() {
    return process.port();
  }

  @Override
  public void restartEmpty() throws IOException, InterruptedException {
    process.restartEmpty();
  }

  static int freePort() throws IOException {
    return MosquittoProcess.freePort();
  }

  @Override
  public void close() {
    process.close();
  }
}
