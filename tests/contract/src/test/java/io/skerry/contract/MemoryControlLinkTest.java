package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.world.MemoryBroker;
import io.skerry.simulator.world.Trace;
import io.skerry.simulator.world.World;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The simulation's broker keeps the contract towards the control plane, too. */
class MemoryControlLinkTest extends LinkContract {
  private static final TenantId TENANT = new TenantId("default");
  private static final Duration SESSION = Duration.ofHours(1);
  private static final long STEP_MILLIS = 10;

  private final World world = new World(1, new Trace(0));
  private final MemoryBroker broker = new MemoryBroker(world);

  /** Lets time go by until it holds; whether it did in time. */
  private boolean passes(Duration within, BooleanSupplier held) {
    long end = world.now() + within.toMillis();
    boolean passed = held.getAsBoolean();
    while (!passed && world.now() < end) {
      world.runUntil(world.now() + STEP_MILLIS);
      passed = held.getAsBoolean();
    }
    return passed;
  }

  private static final class MemoryLine implements Line {
    private boolean up = true;
    private boolean carries = true;
    private @Nullable Control client;

    @Override
    public void cut() {
      up = false;
      if (client != null) {
        client.cut();
      }
    }

    @Override
    public void stall() {
      carries = false;
    }

    @Override
    public void stallTowardsBroker() {
      carries = false;
    }

    @Override
    public void mend() {
      up = true;
      carries = true;
    }

    @Override
    public void close() {}
  }

  @Override
  public Line line() {
    return new MemoryLine();
  }

  @Override
  LinkClient client(String device) {
    return client(device, line());
  }

  @Override
  LinkClient client(String device, Line line) {
    Control made = new Control((MemoryLine) line, said(device), heard(device));
    made.connect();
    return made;
  }

  /** Connects again as the simulation's control plane does. */
  private final class Control implements LinkClient, MemoryBroker.Client {
    private final MemoryLine line;
    private final String topic;
    private final String heardTopic;
    private final Queue<String> heard = new ArrayDeque<>();
    private MemoryBroker.@Nullable Connection connection;
    private boolean closed;

    Control(MemoryLine line, String topic, String heardTopic) {
      this.line = line;
      this.topic = topic;
      this.heardTopic = heardTopic;
      line.client = this;
    }

    void connect() {
      if (closed) {
        return;
      }
      Optional<MemoryBroker.Connection> opened =
          line.up ? broker.connect("control", SESSION, Optional.empty(), this) : Optional.empty();
      connection = opened.orElse(null);
      if (opened.isPresent()) {
        opened.get().subscribe(Topics.everyDevice(Topics.STATUS));
      } else {
        again();
      }
    }

    private void again() {
      world.after(STEP_MILLIS, this::connect);
    }

    void cut() {
      if (connection != null) {
        connection.cut();
      }
    }

    @Override
    public void received(MemoryBroker.Message message) {
      if (connection != null && line.carries) {
        connection.acknowledge();
      }
      if (message.topic().equals(heardTopic)) {
        heard.add(new String(message.payload(), StandardCharsets.UTF_8));
      }
    }

    @Override
    public void lost(boolean takenOver) {
      connection = null;
      again();
    }

    @Override
    public void publish(String payload) throws IOException {
      MemoryBroker.Connection current = connection;
      try {
        if (current == null || !line.carries) {
          throw new IOException("nobody acknowledges it");
        }
        current.publish(topic, payload.getBytes(StandardCharsets.UTF_8), false);
      } finally {
        world.runUntil(world.now() + STEP_MILLIS);
      }
    }

    @Override
    public boolean hears(String payload, Duration within) {
      return passes(
          within,
          () -> {
            String next = heard.poll();
            while (next != null && !next.equals(payload)) {
              next = heard.poll();
            }
            return next != null;
          });
    }

    @Override
    public void close() {
      closed = true;
      if (connection != null) {
        connection.leave();
      }
    }
  }

  private final class Far implements FarEnd, MemoryBroker.Client {
    private final Queue<byte[]> arrived = new ArrayDeque<>();
    private final MemoryBroker.Connection connection;

    Far(String device) {
      connection =
          broker
              .connect(TENANT + "/" + device, Duration.ZERO, Optional.empty(), this)
              .orElseThrow();
    }

    @Override
    public void received(MemoryBroker.Message message) {
      arrived.add(message.payload());
      connection.acknowledge();
    }

    @Override
    public void lost(boolean takenOver) {}

    @Override
    public void retain(String topic, String payload) {
      connection.publish(topic, payload.getBytes(StandardCharsets.UTF_8), true);
    }

    @Override
    public void subscribe(String topic) {
      connection.subscribe(topic);
    }

    @Override
    public byte[] next() {
      assertThat(passes(LinkClient.LONG, () -> !arrived.isEmpty())).as("arrives").isTrue();
      return arrived.remove();
    }

    @Override
    public void close() {
      connection.leave();
    }
  }

  @Override
  public FarEnd far(String device) {
    return new Far(device);
  }

  @Override
  String said(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.COMMITTED);
  }

  @Override
  String heard(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.STATUS);
  }

  @Override
  void restartBroker() {
    broker.kill();
    broker.start();
  }
}
