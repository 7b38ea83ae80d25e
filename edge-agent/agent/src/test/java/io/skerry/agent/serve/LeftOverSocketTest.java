package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeftOverSocketTest {
  @TempDir private Path folder;

  @Test
  void removesTheSocketOfAServerThatWasKilled() throws Exception {
    Path socket = folder.resolve("s");
    ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    killed.bind(UnixDomainSocketAddress.of(socket)).close();
    assertThat(socket).exists();

    LeftOverSocket.remove(new ListenAddress.Unix(socket), socket);

    assertThat(socket).doesNotExist();
  }

  /**
   * An error that tells nothing of who serves there, here that of a path too long to connect to.
   */
  @Test
  void keepsASocketOfWhichItCannotTellWhetherSomebodyServesThere() throws Exception {
    Path socket = folder.resolve("s");
    try (ServerSocketChannel live = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      live.bind(UnixDomainSocketAddress.of(socket));
      Path moved = Files.createDirectory(folder.resolve("x".repeat(120))).resolve("s");
      Files.move(socket, moved);

      assertThatThrownBy(() -> LeftOverSocket.remove(new ListenAddress.Unix(socket), moved))
          .isInstanceOf(ListenException.class)
          .hasMessageContaining("cannot tell whether another program serves there")
          .hasMessageContaining("path too long");

      assertThat(moved).exists();
    }
  }

  @Test
  void keepsAPipe() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();

    assertThatThrownBy(() -> LeftOverSocket.remove(new ListenAddress.Unix(pipe), pipe))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("is no socket");

    assertThat(pipe).exists();
  }
}
