package io.skerry.agent.serve;

import java.io.IOException;
import java.net.ConnectException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** A socket's file stays when its server is killed, and nobody can listen there before it goes. */
public final class LeftOverSocket {
  // S_IFMT and S_IFSOCK of inode(7).
  private static final int FILE_TYPE = 0xf000;
  private static final int SOCKET = 0xc000;

  private LeftOverSocket() {}

  /**
   * Makes room for a new socket.
   *
   * @throws ListenException if there is a file of another kind, a program that serves there, or no
   *     way to tell
   */
  public static void remove(ListenAddress address, Path path) throws IOException, ListenException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!isSocket(path)) {
      throw new ListenException(
          "cannot listen on %s: the file exists and is no socket".formatted(address));
    }
    try {
      SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
    } catch (ConnectException refused) {
      Files.delete(path);
      return;
    } catch (IOException e) {
      throw new ListenException(
          "cannot listen on %s: cannot tell whether another program serves there: %s"
              .formatted(address, e.getMessage()),
          e);
    }
    throw new ListenException(
        "cannot listen on %s: another program serves there; stop it or choose another path"
            .formatted(address));
  }

  // Pipes and devices refuse a connection too.
  private static boolean isSocket(Path path) throws IOException {
    int mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    return (mode & FILE_TYPE) == SOCKET;
  }
}
