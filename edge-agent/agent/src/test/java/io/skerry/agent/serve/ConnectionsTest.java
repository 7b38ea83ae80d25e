package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections as an agent accepts them, before anything is said on them. */
@Timeout(60)
class ConnectionsTest {
  private static final int STARTS = 20;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"unix", "tcp"})
  void whoSaysNothingCountsAndOneTooManyIsClosedAtOnce(String kind) throws Exception {
    ListenAddress address =
        kind.equals("unix")
            ? new ListenAddress.Unix(folder.resolve("a"))
            : new ListenAddress.Tcp("127.0.0.1", 0);
    try (TestServer server =
            TestServer.start(
                config ->
                    ServeConfig.at(address)
                        .withBounds(ServeBounds.defaults().withConnectionsMax(2)));
        SocketChannel first = connect(server.server().address())) {
      assertThat(isOpen(first)).isTrue();
      try (SocketChannel second = connect(server.server().address());
          SocketChannel third = connect(server.server().address())) {
        assertThat(isOpen(second)).isTrue();
        assertThat(isOpen(third)).isFalse();
      }

      QueuedCallsTest.await(
          () -> {
            try (SocketChannel fourth = connect(server.server().address())) {
              return isOpen(fourth);
            } catch (IOException e) {
              return false;
            }
          });
    }
  }

  @Test
  void nobodyIsTakenBeforeASocketHasItsRights() throws Exception {
    Path socket = folder.resolve("a");
    Listener listener = Listener.parse("unix:%s,mode=0600".formatted(socket));
    try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
      for (int i = 0; i < STARTS; i++) {
        Future<String> rights = threads.submit(() -> rightsWhenTaken(socket));
        try (TestServer server = TestServer.start(config -> ServeConfig.at(List.of(listener)))) {
          assertThat(rights.get(20, TimeUnit.SECONDS)).isEqualTo("rw-------");
          assertThat(server.server().address()).isEqualTo(listener.address());
        }
      }
    }
  }

  private static String rightsWhenTaken(Path socket) throws IOException {
    while (true) {
      try {
        SocketChannel.open(UnixDomainSocketAddress.of(socket)).close();
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(socket));
      } catch (IOException notYet) {
        Thread.onSpinWait();
      }
    }
  }

  // An agent says its settings to whoever it takes, unasked.
  private static boolean isOpen(SocketChannel connection) throws IOException {
    try {
      return connection.read(ByteBuffer.allocate(1)) > 0;
    } catch (IOException reset) {
      return false;
    }
  }

  private static SocketChannel connect(ListenAddress address) throws IOException {
    return switch (address) {
      case ListenAddress.Unix(var path) -> SocketChannel.open(UnixDomainSocketAddress.of(path));
      case ListenAddress.Tcp(var host, var port) ->
          SocketChannel.open(new InetSocketAddress(host, port));
    };
  }
}
