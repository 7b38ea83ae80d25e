package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.MemoryBroker;
import io.skerry.simulator.world.Trace;
import io.skerry.simulator.world.World;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.BooleanSupplier;

/** The simulation's broker is one as real ones are. */
class MemoryBrokerContractTest implements BrokerContract.Bounded {
  private static final long STEP_MILLIS = 10;
  private static final long PATIENCE_MILLIS = 10 * 60_000;

  private final World world = new World(1, new Trace(0));
  private final MemoryBroker broker = new MemoryBroker(world);

  /** What is tested. */
  MemoryBroker broker() {
    return broker;
  }

  @Override
  public BrokerPeer connect(BrokerPeer.Wish wish) {
    return new Peer(wish);
  }

  @Override
  public void restart() {
    broker.kill();
    broker.start();
  }

  @Override
  public int queueMax() {
    return MemoryBroker.QUEUE_MAX;
  }

  private void await(String what, BooleanSupplier held) {
    long end = world.now() + PATIENCE_MILLIS;
    while (!held.getAsBoolean() && world.now() < end) {
      world.runUntil(world.now() + STEP_MILLIS);
    }
    assertThat(held.getAsBoolean()).as(what).isTrue();
  }

  private final class Peer implements BrokerPeer, MemoryBroker.Client {
    private final MemoryBroker.Connection connection;
    private final Queue<String> arrived = new ArrayDeque<>();
    private boolean gone;
    private boolean thrownOff;

    Peer(Wish wish) {
      connection =
          broker
              .connect(
                  wish.client(),
                  Duration.ofSeconds(wish.sessionSeconds()),
                  wish.will()
                      .map(
                          will ->
                              new MemoryBroker.Will(
                                  will.topic(),
                                  will.payload().getBytes(StandardCharsets.UTF_8),
                                  will.delaySeconds() * 1000L)),
                  this)
              .orElseThrow();
    }

    @Override
    public void received(MemoryBroker.Message message) {
      arrived.add(new String(message.payload(), StandardCharsets.UTF_8));
    }

    @Override
    public void lost(boolean takenOver) {
      gone = true;
      thrownOff = takenOver;
    }

    @Override
    public boolean isSessionPresent() {
      return connection.isSessionPresent();
    }

    @Override
    public void subscribe(String filter) {
      connection.subscribe(filter);
    }

    @Override
    public void publish(String topic, String payload, boolean retain) {
      connection.publish(topic, payload.getBytes(StandardCharsets.UTF_8), retain);
    }

    @Override
    public String next() {
      String next = leave();
      connection.acknowledge();
      return next;
    }

    @Override
    public String leave() {
      await("arrives", () -> !arrived.isEmpty());
      return arrived.remove();
    }

    @Override
    public void awaitGone() {
      await("gone", () -> gone);
    }

    @Override
    public boolean isThrownOff() {
      return thrownOff;
    }

    @Override
    public void cut() {
      connection.cut();
    }

    @Override
    public void close() {
      connection.leave();
    }
  }
}
