package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds the open connections of one listener, so that an application that never closes any takes
 * nobody's memory but its own calls. Counts where they are accepted: whoever says nothing counts
 * too, and one too many is closed before TLS begins.
 */
final class ConnectionLimit extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(ConnectionLimit.class);

  private final Listener listener;
  private final int connectionsMax;
  private final AtomicInteger connections = new AtomicInteger();
  private final Sparingly sparingly = new Sparingly();

  ConnectionLimit(Listener listener, int connectionsMax) {
    this.listener = listener;
    this.connectionsMax = connectionsMax;
  }

  @Override
  public void channelRead(ChannelHandlerContext accepting, Object accepted) {
    Channel connection = (Channel) accepted;
    if (connections.incrementAndGet() <= connectionsMax) {
      var unused = connection.closeFuture().addListener(end -> connections.decrementAndGet());
      accepting.fireChannelRead(connection);
      return;
    }
    connections.decrementAndGet();
    connection.unsafe().closeForcibly();
    if (sparingly.isDue()) {
      log.atWarn()
          .addKeyValue("address", listener)
          .addKeyValue("connectionsMax", connectionsMax)
          .log("connection refused: too many are open");
    }
  }
}
