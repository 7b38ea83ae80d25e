package io.skerry.agent.serve;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A socket's file stays when its server is killed, and nobody can listen there before it goes. */
public final class LeftOverSocket {
  private LeftOverSocket() {}

  /**
   * Makes room for a new socket.
   *
   * @throws ListenException if there is a file of another kind, or a program that serves there
   */
  public static void remove(ListenAddress address, Path path) throws IOException, ListenException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .isOther()) {
      throw new ListenException(
          "cannot listen on %s: the file exists and is no socket".formatted(address));
    }
    try {
      SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
    } catch (IOException nobody) {
      Files.delete(path);
      return;
    }
    throw new ListenException(
        "cannot listen on %s: another program serves there; stop it or choose another path"
            .formatted(address));
  }
}
