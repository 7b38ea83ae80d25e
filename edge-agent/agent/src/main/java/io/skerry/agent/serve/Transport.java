package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelException;
import io.grpc.netty.shaded.io.netty.channel.ServerChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.netty.shaded.io.netty.channel.unix.Errors;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What lies under a gRPC server. */
sealed interface Transport extends AutoCloseable {
  /**
   * Makes room for a listener; it does not listen yet.
   *
   * @throws ListenException if its address cannot be used
   */
  static Transport open(Listener listener, TransportThreads threads) throws ListenException {
    return switch (listener.address()) {
      case ListenAddress.Unix unix -> Unix.open(listener, unix, threads);
      case ListenAddress.Tcp tcp -> Tcp.open(listener, tcp, threads);
    };
  }

  /** One line that says where it is and who may open it. */
  String describe();

  /**
   * Builds a server on it.
   *
   * @param limit sees each connection first
   */
  NettyServerBuilder builder(ConnectionLimit limit);

  /**
   * Called when the server listens.
   *
   * @throws ListenException if the socket's file cannot have its group
   */
  void started() throws IOException, ListenException;

  /** The one line for a server that did not start. */
  ListenException refused(IOException cause);

  @Override
  void close();

  /** A Unix socket; who may open the file may predict. */
  final class Unix implements Transport {
    private static final Logger log = LoggerFactory.getLogger(Unix.class);

    private static final Set<PosixFilePermission> OWNER =
        PosixFilePermissions.fromString("rw-------");

    private final Listener listener;
    private final Path path;
    private final TransportThreads threads;
    private boolean bound;

    private Unix(Listener listener, Path path, TransportThreads threads) {
      this.listener = listener;
      this.path = path;
      this.threads = threads;
    }

    static Unix open(Listener listener, ListenAddress.Unix address, TransportThreads threads)
        throws ListenException {
      if (!Epoll.isAvailable()) {
        throw new ListenException(
            "cannot listen on %s: Unix sockets need Linux; use tcp:127.0.0.1:PORT"
                .formatted(address));
      }
      Path path = address.path().toAbsolutePath();
      Unix transport = new Unix(listener, path, threads);
      try {
        Files.createDirectories(
            path.getParent(),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
        LeftOverSocket.remove(address, path);
        transport.tryGroup();
      } catch (IOException e) {
        throw transport.refused(e);
      }
      return transport;
    }

    @Override
    public String describe() {
      return "%s: %s, %s"
          .formatted(
              listener,
              PosixFilePermissions.toString(listener.mode()),
              listener.group().map(group -> "group " + group).orElse("the agent's own group"));
    }

    @Override
    public NettyServerBuilder builder(ConnectionLimit limit) {
      return NettyServerBuilder.forAddress(new DomainSocketAddress(path.toFile()))
          .channelFactory(() -> channel(limit))
          .bossEventLoopGroup(threads.accepting())
          .workerEventLoopGroup(threads.sockets());
    }

    private static ServerChannel channel(ConnectionLimit limit) {
      EpollServerDomainSocketChannel channel = new EpollServerDomainSocketChannel();
      try {
        // A file has the rights of the socket that is bound to it: whoever is let in before the
        // listener's rights are given would stay.
        Files.setPosixFilePermissions(
            Path.of("/proc/self/fd", Integer.toString(channel.fd().intValue())), OWNER);
      } catch (IOException e) {
        channel.unsafe().closeForcibly();
        throw new ChannelException("its file cannot be kept from others: " + e.getMessage(), e);
      }
      channel.pipeline().addLast(limit);
      return channel;
    }

    @Override
    public void started() throws IOException, ListenException {
      bound = true;
      // The group first: until the rights are given nobody else may open the file.
      setGroup(path);
      Files.setPosixFilePermissions(path, listener.mode());
    }

    /** Whether the group can be set is known before anybody is served. */
    private void tryGroup() throws IOException, ListenException {
      if (listener.group().isEmpty()) {
        return;
      }
      Path trial = Files.createTempFile(path.getParent(), ".skerry", ".group");
      try {
        setGroup(trial);
      } finally {
        Files.delete(trial);
      }
    }

    private void setGroup(Path file) throws IOException, ListenException {
      if (listener.group().isEmpty()) {
        return;
      }
      String name = listener.group().get();
      try {
        GroupPrincipal group =
            file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(name);
        Files.getFileAttributeView(file, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
            .setGroup(group);
      } catch (UserPrincipalNotFoundException e) {
        throw new ListenException(
            "cannot listen on %s: there is no group '%s'".formatted(listener.address(), name), e);
      } catch (FileSystemException e) {
        throw new ListenException(
            "cannot listen on %s: the agent's user cannot give a file to group '%s' without being in it"
                .formatted(listener.address(), name),
            e);
      }
    }

    @Override
    public ListenException refused(IOException cause) {
      return new ListenException(
          "cannot listen on %s: %s".formatted(listener.address(), cause(cause)), cause);
    }

    @Override
    public void close() {
      if (bound) {
        try {
          Files.deleteIfExists(path);
        } catch (IOException e) {
          log.atWarn()
              .addKeyValue("socket", listener.address())
              .setCause(e)
              .log("socket file not removed");
        }
      }
    }
  }

  /** A TCP port: of this machine only, unless both sides show certificates. */
  final class Tcp implements Transport {
    // Linux's EADDRINUSE, as epoll's transport gives it.
    private static final int ADDRESS_IN_USE = -98;

    // A client whose certificate has ended, or is no longer believed, is out after this.
    private static final long CONNECTION_HOURS_MAX = 1;

    // For calls that are open then; a stream would stay for as long as its client likes.
    private static final long LAST_CALLS_MINUTES_MAX = 1;

    // Whoever is silent is asked whether it is still there: what it sent half of takes room.
    private static final long SILENCE_SECONDS_MAX = 60;

    private final ListenAddress.Tcp address;
    private final InetSocketAddress bind;
    private final Optional<ReloadedTls> tls;
    private final TransportThreads threads;

    private Tcp(
        ListenAddress.Tcp address,
        InetSocketAddress bind,
        Optional<ReloadedTls> tls,
        TransportThreads threads) {
      this.address = address;
      this.bind = bind;
      this.tls = tls;
      this.threads = threads;
    }

    static Tcp open(Listener listener, ListenAddress.Tcp address, TransportThreads threads)
        throws ListenException {
      InetAddress host;
      try {
        host = InetAddress.getByName(address.host());
      } catch (UnknownHostException e) {
        throw new ListenException(
            "cannot listen on %s: unknown host '%s'".formatted(address, address.host()), e);
      }
      if (!host.isLoopbackAddress() && listener.tls().isEmpty()) {
        throw new ListenException(
            "cannot listen on %s: without encryption only on a loopback address or a Unix socket; elsewhere it needs cert=, key= and clients="
                .formatted(address));
      }
      Tcp transport =
          new Tcp(
              address,
              new InetSocketAddress(host, address.port()),
              tls(listener, address),
              threads);
      try (ServerSocket trial = new ServerSocket()) {
        trial.setReuseAddress(true);
        trial.bind(transport.bind);
      } catch (IOException e) {
        throw transport.refused(e);
      }
      return transport;
    }

    private static Optional<ReloadedTls> tls(Listener listener, ListenAddress.Tcp address)
        throws ListenException {
      if (listener.tls().isEmpty()) {
        return Optional.empty();
      }
      try {
        return Optional.of(ReloadedTls.of(listener.tls().get()));
      } catch (IOException e) {
        throw new ListenException("cannot listen on %s: %s".formatted(address, e.getMessage()), e);
      }
    }

    @Override
    public String describe() {
      return tls.map(
              files ->
                  "%s: for clients with certificates; its own, of '%s', ends %s"
                      .formatted(
                          address,
                          files.certificate().getSubjectX500Principal(),
                          files.certificate().getNotAfter().toInstant()))
          .orElse(address + ": not encrypted, for every program of this machine");
    }

    @Override
    public NettyServerBuilder builder(ConnectionLimit limit) {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(bind)
              .channelFactory(() -> channel(limit))
              .bossEventLoopGroup(threads.accepting())
              .workerEventLoopGroup(threads.ports());
      tls.ifPresent(
          files ->
              builder
                  .sslContext(files)
                  .maxConnectionAge(CONNECTION_HOURS_MAX, TimeUnit.HOURS)
                  .maxConnectionAgeGrace(LAST_CALLS_MINUTES_MAX, TimeUnit.MINUTES)
                  .keepAliveTime(SILENCE_SECONDS_MAX, TimeUnit.SECONDS));
      return builder;
    }

    private static ServerChannel channel(ConnectionLimit limit) {
      ServerChannel channel =
          Epoll.isAvailable() ? new EpollServerSocketChannel() : new NioServerSocketChannel();
      channel.pipeline().addLast(limit);
      return channel;
    }

    @Override
    public void started() {}

    @Override
    public ListenException refused(IOException cause) {
      return isTaken(cause)
          ? new ListenException(
              "cannot listen on %s: the port is taken; choose another --listen".formatted(address),
              cause)
          : new ListenException("cannot listen on %s: %s".formatted(address, cause(cause)), cause);
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

  private static String cause(IOException e) {
    Throwable root = e.getCause() == null ? e : e.getCause();
    return "%s: %s".formatted(root.getClass().getSimpleName(), root.getMessage());
  }
}
