package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.e2e.net.TcpProxy;
import io.skerry.e2e.net.TcpProxy.Way;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The proxy against a server that says every byte again. */
class TcpProxyTest {
  private static final int SHORT_MILLIS = 150;
  private static final int LONG_MILLIS = 10_000;

  private ServerSocket echo;
  private TcpProxy proxy;

  @BeforeEach
  void start() throws IOException {
    ServerSocket server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    echo = server;
    Thread.ofVirtual().start(() -> accept(server));
    proxy = TcpProxy.before(server.getLocalPort());
  }

  private static void accept(ServerSocket server) {
    try {
      while (true) {
        Socket socket = server.accept();
        Thread.ofVirtual()
            .start(
                () -> {
                  try (socket) {
                    socket.getInputStream().transferTo(socket.getOutputStream());
                  } catch (IOException e) {
                    // The other end is gone.
                  }
                });
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  @AfterEach
  void end() throws IOException {
    proxy.close();
    echo.close();
  }

  private Socket connected() {
    try {
      Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
      socket.setSoTimeout(LONG_MILLIS);
      return socket;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void say(Socket socket, int value) throws IOException {
    socket.getOutputStream().write(value);
  }

  private static int hear(Socket socket) throws IOException {
    return socket.getInputStream().read();
  }

  private static void hearsNothing(Socket socket) throws IOException {
    socket.setSoTimeout(SHORT_MILLIS);
    assertThatThrownBy(() -> hear(socket)).isInstanceOf(SocketTimeoutException.class);
    socket.setSoTimeout(LONG_MILLIS);
  }

  @Test
  void passesEverythingOnWhenAllIsWell() throws IOException {
    try (Socket socket = connected()) {
      say(socket, 7);

      assertThat(hear(socket)).isEqualTo(7);
      assertThat(proxy.connections()).isEqualTo(1);
    }
  }

  @Test
  void losesNothingInAPartitionOfEitherWay() throws IOException {
    for (Way way : Way.values()) {
      try (Socket socket = connected()) {
        proxy.partition(way);
        say(socket, 7);
        hearsNothing(socket);

        proxy.heal();

        assertThat(hear(socket)).isEqualTo(7);
      }
    }
  }

  @Test
  void delaysThrottlesAndLoses() throws IOException {
    try (Socket socket = connected()) {
      proxy.delay(Way.UP, Duration.ofMillis(200));
      proxy.throttle(Way.DOWN, 10);
      proxy.lose(Way.DOWN, 1);
      long start = System.nanoTime();
      say(socket, 7);

      assertThat(hear(socket)).isEqualTo(7);
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(499));
    }
  }

  @Test
  void resetsAndRefuses() throws IOException {
    try (Socket socket = connected()) {
      say(socket, 7);
      assertThat(hear(socket)).isEqualTo(7);

      proxy.reset();

      assertThatThrownBy(() -> hear(socket)).isInstanceOf(IOException.class);
    }
    proxy.refuse();
    try (Socket socket = connected()) {
      assertThatThrownBy(() -> hear(socket)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void leavesAConnectionHalfOpenUntilHealed() throws IOException {
    try (Socket socket = connected()) {
      say(socket, 7);
      assertThat(hear(socket)).isEqualTo(7);

      proxy.halfOpen();

      hearsNothing(socket);
      proxy.heal();
      assertThat(hear(socket)).isEqualTo(-1);
    }
  }
}
