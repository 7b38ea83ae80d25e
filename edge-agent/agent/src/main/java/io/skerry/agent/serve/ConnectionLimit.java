package io.skerry.agent.serve;

import io.grpc.Attributes;
import io.grpc.ServerTransportFilter;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds the open connections of one listener, so that an application that never closes any takes
 * nobody's memory but its own calls.
 */
final class ConnectionLimit extends ServerTransportFilter {
  private static final Logger log = LoggerFactory.getLogger(ConnectionLimit.class);
  private static final Attributes.Key<Boolean> COUNTED = Attributes.Key.create("skerry-counted");

  private final Listener listener;
  private final int connectionsMax;
  private final AtomicInteger connections = new AtomicInteger();
  private final Sparingly sparingly = new Sparingly();

  ConnectionLimit(Listener listener, int connectionsMax) {
    this.listener = listener;
    this.connectionsMax = connectionsMax;
  }

  @Override
  public Attributes transportReady(Attributes transport) {
    if (connections.incrementAndGet() > connectionsMax) {
      connections.decrementAndGet();
      if (sparingly.isDue()) {
        log.atWarn()
            .addKeyValue("address", listener)
            .addKeyValue("connectionsMax", connectionsMax)
            .log("connection refused: too many are open");
      }
      // What is thrown here ends the connection.
      throw Status.UNAVAILABLE
          .withDescription("%d connections are open".formatted(connectionsMax))
          .asRuntimeException();
    }
    return transport.toBuilder().set(COUNTED, true).build();
  }

  @Override
  public void transportTerminated(@Nullable Attributes transport) {
    if (transport != null && transport.get(COUNTED) != null) {
      connections.decrementAndGet();
    }
  }
}
