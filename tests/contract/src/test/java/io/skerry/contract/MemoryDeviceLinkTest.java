package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.contract.MemoryNetwork.MemoryLine;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.world.MemoryLink;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.SplittableRandom;

/** The simulation's broker and a device's link to it keep the contract of the real ones. */
class MemoryDeviceLinkTest extends LinkContract implements PresenceContract {
  private final MemoryNetwork network = new MemoryNetwork();

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
            network.world,
            network.broker,
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
    between.cutting(link::cut);
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
      assertThat(network.passes(LinkClient.LONG, () -> connects > 0)).as("connects").isTrue();
      connects--;
    }

    @Override
    public void awaitTakenOver() {
      assertThat(network.passes(LinkClient.LONG, () -> takenOver)).as("taken over").isTrue();
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
        network.step();
      }
    }

    @Override
    public boolean hears(String payload, Duration within) {
      return network.hears(heard, payload, within);
    }

    @Override
    public void close() {
      link.close();
    }
  }

  @Override
  public FarEnd far(String device) {
    return network.far("control");
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
    network.restartBroker();
  }
}
