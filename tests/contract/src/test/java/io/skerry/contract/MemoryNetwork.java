package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.MemoryBroker;
import io.skerry.simulator.world.MemoryLink;
import io.skerry.simulator.world.Trace;
import io.skerry.simulator.world.World;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.function.BooleanSupplier;

/** A broker in memory with lines to it, in a world in which time goes by only while one waits. */
final class MemoryNetwork {
  static final long STEP_MILLIS = 10;

  final World world = new World(1, new Trace(0));
  final MemoryBroker broker = new MemoryBroker(world);

  /** Lets time go by until it holds; whether it did in time. */
  boolean passes(Duration within, BooleanSupplier held) {
    long end = world.now() + within.toMillis();
    boolean passed = held.getAsBoolean();
    while (!passed && world.now() < end) {
      step();
      passed = held.getAsBoolean();
    }
    return passed;
  }

  void step() {
    world.runUntil(world.now() + STEP_MILLIS);
  }

  /** Whether a payload is heard in time; what was heard before it is forgotten. */
  boolean hears(Queue<String> heard, String payload, Duration within) {
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

  void restartBroker() {
    broker.kill();
    broker.start();
  }

  /** Connects who talks with a client, under a name. */
  FarEnd far(String name) {
    return new Far(name);
  }

  static final class MemoryLine implements Line, MemoryLink.Line {
    private boolean up = true;
    private boolean carries = true;
    private Runnable client = () -> {};

    /** What a cut does to the client at its end. */
    void cutting(Runnable connection) {
      client = connection;
    }

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
      client.run();
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

  private final class Far implements FarEnd, MemoryBroker.Client {
    private final Queue<byte[]> arrived = new ArrayDeque<>();
    private final MemoryBroker.Connection connection;

    Far(String name) {
      connection = broker.connect(name, Duration.ZERO, Optional.empty(), this).orElseThrow();
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
}
