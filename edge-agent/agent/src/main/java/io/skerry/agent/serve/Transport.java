package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.netty.shaded.io.netty.channel.unix.Errors;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What lies under the gRPC server. */
sealed interface Transport extends AutoCloseable {
  static Transport open(ListenAddress address) throws ListenException {
    return switch (address) {
      case ListenAddress.Unix unix -> Unix.open(unix);
      case ListenAddress.Tcp tcp -> Tcp.open(tcp);
    };
  }

  NettyServerBuilder builder();

  /** Called when the server listens. */
  void started() throws IOException;

  /** The one line for a server that did not start. */
  ListenException refused(IOException cause);

  @Override
  void close();

  /** A Unix socket; who may open the file may predict. */
  final class Unix implements Transport {
    private static final Logger log = LoggerFactory.getLogger(Unix.class);

    private final ListenAddress.Unix address;
    private final EventLoopGroup accepting = new EpollEventLoopGroup(1);
    private final EventLoopGroup working = new EpollEventLoopGroup(2);
    private boolean bound;

    private Unix(ListenAddress.Unix address) {
      this.address = address;
    }

    static Unix open(ListenAddress.Unix address) throws ListenException {
      if (!Epoll.isAvailable()) {
        throw new ListenException(
            "cannot listen on %s: Unix sockets need Linux; use tcp:127.0.0.1:PORT"
                .formatted(address));
      }
      Path path = address.path().toAbsolutePath();
      try {
        Files.createDirectories(
            path.getParent(),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
        LeftOverSocket.remove(address, path);
      } catch (IOException e) {
        throw new ListenException("cannot listen on %s: %s".formatted(address, describe(e)), e);
      }
      return new Unix(address);
    }

    @Override
    public NettyServerBuilder builder() {
      return NettyServerBuilder.forAddress(
              new DomainSocketAddress(address.path().toAbsolutePath().toFile()))
          .channelType(EpollServerDomainSocketChannel.class)
          .bossEventLoopGroup(accepting)
          .workerEventLoopGroup(working);
    }

    @Override
    public void started() throws IOException {
      bound = true;
      Files.setPosixFilePermissions(address.path(), PosixFilePermissions.fromString("rw-rw----"));
    }

    @Override
    public ListenException refused(IOException cause) {
      return new ListenException(
          "cannot listen on %s: %s".formatted(address, describe(cause)), cause);
    }

    @Override
    public void close() {
      stop(accepting);
      stop(working);
      if (bound) {
        try {
          Files.deleteIfExists(address.path());
        } catch (IOException e) {
          log.atWarn().addKeyValue("socket", address).setCause(e).log("socket file not removed");
        }
      }
    }
  }

  private static void stop(EventLoopGroup threads) {
    if (!threads.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000)) {
      LoggerFactory.getLogger(Transport.class).atWarn().log("transport threads did not stop");
    }
  }

  /** A TCP port of this machine only, because nothing is encrypted. */
  final class Tcp implements Transport {
    // Linux's EADDRINUSE, as epoll's transport gives it.
    private static final int ADDRESS_IN_USE = -98;

    private final ListenAddress.Tcp address;
    private final InetSocketAddress bind;

    private Tcp(ListenAddress.Tcp address, InetSocketAddress bind) {
      this.address = address;
      this.bind = bind;
    }

    static Tcp open(ListenAddress.Tcp address) throws ListenException {
      InetAddress host;
      try {
        host = InetAddress.getByName(address.host());
      } catch (UnknownHostException e) {
        throw new ListenException(
            "cannot listen on %s: unknown host '%s'".formatted(address, address.host()), e);
      }
      if (!host.isLoopbackAddress()) {
        throw new ListenException(
            "cannot listen on %s: the agent serves without encryption, so only on a loopback address or a Unix socket"
                .formatted(address));
      }
      return new Tcp(address, new InetSocketAddress(host, address.port()));
    }

    @Override
    public NettyServerBuilder builder() {
      return NettyServerBuilder.forAddress(bind);
    }

    @Override
    public void started() {}

    @Override
    public ListenException refused(IOException cause) {
      return isTaken(cause)
          ? new ListenException(
              "cannot listen on %s: the port is taken; choose another --listen".formatted(address),
              cause)
          : new ListenException(
              "cannot listen on %s: %s".formatted(address, describe(cause)), cause);
    }

    private static boolean isTaken(@Nullable Throwable cause) {
      return cause != null
          && (cause instanceof BindException
              || (cause instanceof Errors.NativeIoException failed
                  && failed.expectedErr() == ADDRESS_IN_USE)
              || isTaken(cause.getCause()));
    }

    @Override
    public void close() {}
  }

  private static String describe(IOException e) {
    Throwable root = e.getCause() == null ? e : e.getCause();
    return "%s: %s".formatted(root.getClass().getSimpleName(), root.getMessage());
  }
}
