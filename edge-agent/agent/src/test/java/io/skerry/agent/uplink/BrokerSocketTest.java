package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.identity.TestAuthority;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;

class BrokerSocketTest {
  private static final int WAIT_SECONDS = 60;
  private static final int WAIT_MILLIS = 60_000;
  private static final byte[] GREETING = "CONNECT".getBytes(StandardCharsets.UTF_8);

  private final TestAuthority authority = new TestAuthority("broker's");

  /** What a broker does with a connection, on a thread of its own. */
  private interface Broker {
    void serve(SSLSocket encrypted) throws IOException;
  }

  private CompletableFuture<Void> serve(ServerSocket server, Broker broker) {
    return CompletableFuture.runAsync(
        () -> {
          try (Socket raw = server.accept()) {
            // The end is a reset, as it is when something of the client was not read.
            raw.setSoLinger(true, 0);
            SSLSocket encrypted =
                (SSLSocket)
                    authority
                        .serving()
                        .getSocketFactory()
                        .createSocket(raw, "127.0.0.1", raw.getPort(), true);
            encrypted.setUseClientMode(false);
            broker.serve(encrypted);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        Thread::startVirtualThread);
  }

  private Socket connected(ServerSocket server) throws IOException {
    Socket socket =
        BrokerSocket.factory(authority.believing(), "127.0.0.1", new Greeting(), () -> {})
            .createSocket();
    socket.connect(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getLocalPort()),
        WAIT_MILLIS);
    return socket;
  }

  private static ServerSocket listening() throws IOException {
    return new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  }

  /** TLS 1.3 tells a refusal after the handshake; the broker is gone before CONNECT is sent. */
  @Test
  void tellsWhyItWasRefusedAlsoWhenTheBrokerHasGone() throws Exception {
    try (ServerSocket server = listening()) {
      CompletableFuture<Void> refused =
          serve(
              server,
              encrypted -> {
                encrypted.setNeedClientAuth(true);
                assertThatThrownBy(encrypted::startHandshake).isInstanceOf(SSLException.class);
              });
      try (Socket socket = connected(server)) {
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        refused.get(WAIT_SECONDS, TimeUnit.SECONDS);

        out.write(GREETING, 0, GREETING.length);
        out.flush();

        assertThatThrownBy(in::read)
            .isInstanceOf(SSLException.class)
            .hasMessageContaining("Received fatal alert: certificate_required");
      }
    }
  }

  @Test
  void endsWithTheFailureOfTheWriterWhenTheBrokerSaidNothing() throws Exception {
    try (ServerSocket server = listening()) {
      CompletableFuture<Void> gone = serve(server, SSLSocket::startHandshake);
      try (Socket socket = connected(server)) {
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream();
        gone.get(WAIT_SECONDS, TimeUnit.SECONDS);

        out.write(GREETING, 0, GREETING.length);
        out.write(GREETING, 0, GREETING.length);
        out.flush();

        assertThatThrownBy(in::read)
            .isInstanceOf(IOException.class)
            .hasMessageMatching("Connection reset.*|Broken pipe.*");
      }
    }
  }
}
