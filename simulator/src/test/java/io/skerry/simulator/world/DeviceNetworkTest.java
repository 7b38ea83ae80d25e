package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.protocol.DeviceId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DeviceNetworkTest {
  private final World world = new World(1, new Trace(0));
  private final MemoryBroker broker = new MemoryBroker(world);
  private final DeviceNetwork network = new DeviceNetwork(new SplittableRandom(1));
  private final List<Integer> arrived = new ArrayList<>();
  private final MemoryLink link =
      new MemoryLink(
          world,
          broker,
          new LinkConfig(
              "broker",
              1,
              SimDevice.TENANT,
              new DeviceId("one"),
              MemoryLink::noCertificate,
              1,
              "instance"),
          network,
          new SplittableRandom(1),
          Runnable::run);

  private void connect() {
    broker
        .connect(
            "control",
            Duration.ofMinutes(1),
            Optional.empty(),
            new MemoryBroker.Client() {
              @Override
              public void received(MemoryBroker.Message message) {
                arrived.add((int) message.payload()[0]);
              }

              @Override
              public void lost(boolean takenOver) {}
            })
        .orElseThrow()
        .subscribe("said");
    link.start(
        new DeviceLink.Listener() {
          @Override
          public void connected() {}

          @Override
          public void received(String topic, byte[] payload) {}
        });
    world.runUntil(world.now() + World.SECOND);
  }

  private void stopAt(int message, boolean behind) {
    network.stopAt(
        message,
        behind,
        () -> {
          throw new IllegalStateException("stopped");
        });
  }

  private void say(int number) throws LinkException {
    link.publish("said", new byte[] {(byte) number});
  }

  @Test
  void whatAMachineStopsBeforeIsNotSent() throws LinkException {
    connect();
    stopAt(2, false);

    say(1);
    assertThatThrownBy(() -> say(2)).hasMessage("stopped");
    world.runUntil(world.now() + World.SECOND);

    assertThat(arrived).containsExactly(1);
  }

  @Test
  void whatAMachineStopsBehindHasArrived() throws LinkException {
    connect();
    stopAt(2, true);

    say(1);
    assertThatThrownBy(() -> say(2)).hasMessage("stopped");
    world.runUntil(world.now() + World.SECOND);

    assertThat(arrived).containsExactly(1, 2);
  }

  @Test
  void itStopsNoMoreThanOnceAndNotAtAllWhenThatIsOver() throws LinkException {
    connect();
    stopAt(1, true);
    assertThatThrownBy(() -> say(1)).hasMessage("stopped");
    say(2);
    stopAt(1, false);
    network.stopNoMore();
    say(3);
    world.runUntil(world.now() + World.SECOND);

    assertThat(arrived).containsExactly(1, 2, 3);
  }
}
