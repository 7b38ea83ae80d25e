package io.skerry.agent.uplink;

import com.google.protobuf.ByteString;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.ProtocolCodec;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A link that remembers what was published, and can be cut. */
public final class InMemoryLink implements DeviceLink {
  /** One message. */
  public record Published(String topic, ByteString payload) {}

  private final List<Published> published = new CopyOnWriteArrayList<>();
  private volatile State state = State.WAITING;
  private @Nullable Listener listener;
  private int refuseAfter = Integer.MAX_VALUE;

  /** Everything that was published, oldest first. */
  public List<Published> published() {
    return published;
  }

  @Override
  public void start(Listener to) {
    listener = to;
    connect();
  }

  /** Comes up. */
  public void connect() {
    state = State.CONNECTED;
    refuseAfter = Integer.MAX_VALUE;
    listener().connected();
  }

  /** Goes down, noticed by the next publish. */
  public void cut() {
    state = State.WAITING;
  }

  /** Goes down after so many further messages. */
  public void failAfter(int messages) {
    refuseAfter = messages;
  }

  /** Brings a message to the device. */
  public void deliver(String topic, byte[] payload) {
    listener().received(topic, payload);
  }

  /** Tells the device what is stored. */
  public void commit(String topic, CommittedRange... ranges) {
    deliver(topic, ProtocolCodec.encode(List.of(ranges)));
  }

  private Listener listener() {
    if (listener == null) {
      throw new IllegalStateException("link is not started");
    }
    return listener;
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public void publish(String topic, byte[] payload) throws LinkException {
    if (state != State.CONNECTED || refuseAfter == 0) {
      state = State.WAITING;
      throw new LinkException("cut");
    }
    refuseAfter--;
    published.add(new Published(topic, ByteString.copyFrom(payload)));
  }

  @Override
  public void close() {
    state = State.CLOSED;
  }
}
