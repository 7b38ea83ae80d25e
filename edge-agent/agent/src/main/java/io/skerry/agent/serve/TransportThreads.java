package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** The threads of all listeners; each begins with its first use. Used by one thread. */
final class TransportThreads implements AutoCloseable {
  private static final int SOCKETS = 2;

  // Netty's usual number for a machine of so many cores.
  private static final int PORTS = 0;

  private final List<EventLoopGroup> groups = new ArrayList<>();
  private @Nullable EventLoopGroup accepting;
  private @Nullable EventLoopGroup sockets;
  private @Nullable EventLoopGroup ports;

  /** Accepts connections. */
  EventLoopGroup accepting() {
    if (accepting == null) {
      accepting = group(1);
    }
    return accepting;
  }

  /** Serves Unix sockets. */
  EventLoopGroup sockets() {
    if (sockets == null) {
      sockets = group(SOCKETS);
    }
    return sockets;
  }

  /** Serves ports. */
  EventLoopGroup ports() {
    if (ports == null) {
      ports = group(PORTS);
    }
    return ports;
  }

  private EventLoopGroup group(int threads) {
    EventLoopGroup group =
        Epoll.isAvailable() ? new EpollEventLoopGroup(threads) : new NioEventLoopGroup(threads);
    groups.add(group);
    return group;
  }

  @Override
  public void close() {
    for (EventLoopGroup threads : groups) {
      if (!threads.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000)) {
        LoggerFactory.getLogger(TransportThreads.class)
            .atWarn()
            .log("transport threads did not stop");
      }
    }
  }
}
