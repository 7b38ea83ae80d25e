package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/** The threads of all Unix sockets; each begins with its first use. */
final class TransportThreads implements AutoCloseable {
  private final List<EventLoopGroup> groups =
      Epoll.isAvailable()
          ? List.of(new EpollEventLoopGroup(1), new EpollEventLoopGroup(2))
          : List.of();

  EventLoopGroup accepting() {
    return groups.getFirst();
  }

  EventLoopGroup working() {
    return groups.getLast();
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
