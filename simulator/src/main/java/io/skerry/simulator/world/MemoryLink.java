package io.skerry.simulator.world;

import io.skerry.agent.uplink.Backoff;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * A device's link to the broker in memory: connects by itself with the waits of the real one,
 * subscribes after every connect, is born and dies on the status topic.
 */
public final class MemoryLink implements DeviceLink, MemoryBroker.Client {
  private final World world;
  private final MemoryBroker broker;
  private final LinkConfig config;
  private final Line line;
  private final Consumer<Runnable> process;
  private final Backoff backoff;
  private final String statusTopic;
  private State state = State.WAITING;
  private MemoryBroker.@Nullable Connection connection;
  private @Nullable Listener listener;
  private long connectedAt;
  private long attempt;

  /** What the network does. */
  public interface Line {
    /** A network on which nothing happens. */
    Line WHOLE =
        new Line() {
          @Override
          public boolean isUp() {
            return true;
          }

          @Override
          public Fate next() {
            return Fate.ARRIVES;
          }

          @Override
          public long millis() {
            return 1;
          }
        };

    /** Whether the broker can be reached. */
    boolean isUp();

    /** The fate of a message from the device. */
    Fate next();

    /** The device gives a message to it: the machine may stop before that. */
    default void sends() {}

    /** The device gave a message to it, and does not know yet: the machine may stop. */
    default void sent() {}

    /** Whether the broker hears that a message from it has come. */
    default boolean acknowledges() {
      return true;
    }

    /** How long to connect takes. */
    long millis();
  }

  /** What becomes of a message from the device. */
  public enum Fate {
    ARRIVES,
    /** The connection breaks before it. */
    LOST,
    /** The connection breaks behind it: nobody knows that it arrived. */
    UNACKNOWLEDGED
  }

  /**
   * A link that is not started.
   *
   * @param process runs what the device does: the machine may stop in it
   */
  public MemoryLink(
      World world,
      MemoryBroker broker,
      LinkConfig config,
      Line line,
      RandomGenerator random,
      Consumer<Runnable> process) {
    this.world = world;
    this.broker = broker;
    this.config = config;
    this.line = line;
    this.process = process;
    this.backoff = new Backoff(config.timing(), random);
    this.statusTopic = Topics.device(config.tenant(), config.device(), Topics.STATUS);
  }

  /** Nothing here is encrypted. */
  @SuppressWarnings("DoNotCallSuggester") // Given on, never called.
  public static SSLContext noCertificate() {
    throw new IllegalStateException("a link in memory asks for no certificate");
  }

  @Override
  public void start(Listener to) {
    listener = to;
    connect();
  }

  private void connect() {
    long current = ++attempt;
    state = State.CONNECTING;
    world.after(
        line.millis(),
        () -> {
          if (attempt == current && state == State.CONNECTING) {
            open();
          }
        });
  }

  private void open() {
    Optional<MemoryBroker.Connection> opened = Optional.empty();
    if (line.isUp()) {
      opened =
          broker.connect(
              config.tenant() + "/" + config.device(),
              config.timing().session(),
              Optional.of(
                  new MemoryBroker.Will(
                      statusTopic, status(false), config.timing().willDelay().toMillis())),
              this);
    }
    if (opened.isEmpty()) {
      waits(backoff.next());
      return;
    }
    MemoryBroker.Connection fresh = opened.get();
    connection = fresh;
    connectedAt = world.now();
    for (String topic :
        List.of(
            Topics.device(config.tenant(), config.device(), Topics.DESIRED),
            Topics.device(config.tenant(), config.device(), Topics.COMMITTED),
            Topics.controlState(config.tenant()))) {
      fresh.subscribe(topic);
    }
    fresh.publish(statusTopic, status(true), true);
    state = State.CONNECTED;
    tell(Listener::connected);
  }

  private void waits(Duration wait) {
    state = State.WAITING;
    long current = ++attempt;
    world.after(
        wait.toMillis(),
        () -> {
          if (attempt == current && state != State.CLOSED) {
            connect();
          }
        });
  }

  @Override
  public void received(MemoryBroker.Message message) {
    MemoryBroker.Connection current = connection;
    if (current == null || state != State.CONNECTED) {
      return;
    }
    if (!line.isUp()) {
      current.cut();
      return;
    }
    if (line.acknowledges()) {
      current.acknowledge();
    }
    tell(to -> to.received(message.topic(), message.payload()));
  }

  @Override
  public void lost(boolean takenOver) {
    connection = null;
    if (state == State.CLOSED) {
      return;
    }
    backoff.ended(Duration.ofMillis(world.now() - connectedAt));
    if (takenOver) {
      waits(backoff.afterTakeover());
      state = State.TAKEN_OVER;
      tell(Listener::takenOver);
    } else {
      waits(backoff.next());
    }
  }

  private void tell(Consumer<Listener> told) {
    Listener to = listener;
    if (to != null) {
      process.accept(() -> told.accept(to));
    }
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public void publish(String topic, byte[] payload) throws LinkException {
    MemoryBroker.Connection current = connection;
    if (current == null || state != State.CONNECTED) {
      throw new LinkException("not connected");
    }
    line.sends();
    Fate fate = line.isUp() ? line.next() : Fate.LOST;
    if (fate != Fate.LOST) {
      current.publish(topic, payload, false);
    }
    line.sent();
    if (fate != Fate.ARRIVES) {
      current.cut();
      throw new LinkException("the connection broke");
    }
  }

  /** The network is gone. */
  public void cut() {
    MemoryBroker.Connection current = connection;
    if (current != null) {
      current.cut();
    }
  }

  /** The process is gone: nobody says farewell, nobody comes back. */
  void die() {
    state = State.CLOSED;
    cut();
    connection = null;
  }

  @Override
  public void close() {
    MemoryBroker.Connection current = connection;
    if (current != null && state == State.CONNECTED) {
      current.publish(statusTopic, status(false), true);
      current.leave();
    }
    state = State.CLOSED;
    connection = null;
  }

  private byte[] status(boolean online) {
    return ProtocolCodec.encode(
        new DeviceStatus(online, config.bootEpoch(), world.instant(), config.instance()));
  }
}
