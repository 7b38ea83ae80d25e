package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.world.MemoryBroker;
import io.skerry.simulator.world.MemoryLink;
import io.skerry.simulator.world.Trace;
import io.skerry.simulator.world.World;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The simulation's broker and a device's link to it keep the contract of the real ones. */
class MemoryDeviceLinkTest extends LinkContract implements PresenceContract {
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

  private static final class MemoryLine implements Line, MemoryLink.Line {
    private boolean up = true;
    private boolean carries = true;
    private @Nullable MemoryLink link;

    @Override
    public boolean isUp() {
      return up;
    }

    @Override
    public MemoryLink.Fate next() {
      return carries ? MemoryLink.Fate.ARRIVES : MemoryLink.Fate.LOST;
    }

    @Override
    public boolean acknowledges() {
      return carries;
    }

    @Override
    public long millis() {
      return 1;
    }

    @Override
    public void cut() {
      up = false;
      if (link != null) {
        link.cut();
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
    Device made = device(device, line, 30);
    made.awaitConnect();
    return made;
  }

  @Override
  public Device device(String device, Line line, int willDelaySeconds) {
    MemoryLine between = (MemoryLine) line;
    MemoryLink link =
        new MemoryLink(
            world,
            broker,
            new LinkConfig(
                    "broker",
                    1,
                    TENANT,
                    new DeviceId(device),
                    MemoryLink::noCertificate,
                    1,
                    "instance")
                .with(
                    new LinkConfig.Timing(
                        Duration.ofMillis(20),
                        Duration.ofMillis(200),
                        Duration.ofMinutes(1),
                        PATIENCE,
                        Duration.ofSeconds(willDelaySeconds),
                        Duration.ofMinutes(10))),
            between,
            new SplittableRandom(1),
            Runnable::run);
    between.link = link;
    Device made = new Device(link, said(device));
    link.start(made);
    return made;
  }

  final class Device implements PresentDevice, DeviceLink.Listener {
    private final MemoryLink link;
    private final String topic;
    private final Queue<String> heard = new ArrayDeque<>();
    private int connects;
    private boolean takenOver;

    Device(MemoryLink link, String topic) {
      this.link = link;
      this.topic = topic;
    }

    @Override
    public void connected() {
      connects++;
    }

    @Override
    public void takenOver() {
      takenOver = true;
    }

    @Override
    public void awaitConnect() {
      assertThat(passes(LinkClient.LONG, () -> connects > 0)).as("connects").isTrue();
      connects--;
    }

    @Override
    public void awaitTakenOver() {
      assertThat(passes(LinkClient.LONG, () -> takenOver)).as("taken over").isTrue();
    }

    @Override
    public void received(String from, byte[] payload) {
      heard.add(new String(payload, StandardCharsets.UTF_8));
    }

    @Override
    public void publish(String payload) throws LinkException {
      try {
        link.publish(topic, payload.getBytes(StandardCharsets.UTF_8));
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
      link.close();
    }
  }

  private final class Far implements FarEnd, MemoryBroker.Client {
    private final Queue<byte[]> arrived = new ArrayDeque<>();
    private final MemoryBroker.Connection connection;

    Far() {
      connection = broker.connect("control", Duration.ZERO, Optional.empty(), this).orElseThrow();
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
    return new Far();
  }

  @Override
  String said(String device) {
    return Topics.device(TENANT, new DeviceId(device), "events");
  }

  @Override
  String heard(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.DESIRED);
  }

  @Override
  void restartBroker() {
    broker.kill();
    broker.start();
  }
}
