package io.skerry.contract;

import io.skerry.contract.MemoryNetwork.MemoryLine;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.world.MemoryBroker;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** The simulation's broker keeps the contract towards the control plane, too. */
class MemoryControlLinkTest extends LinkContract {
  private static final TenantId TENANT = new TenantId("default");
  private static final Duration SESSION = Duration.ofHours(1);

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
      line.cutting(this::cut);
    }

    void connect() {
      if (closed) {
        return;
      }
      Optional<MemoryBroker.Connection> opened =
          line.isUp()
              ? network.broker.connect("control", SESSION, Optional.empty(), this)
              : Optional.empty();
      connection = opened.orElse(null);
      if (opened.isPresent()) {
        opened.get().subscribe(Topics.everyDevice(Topics.STATUS));
      } else {
        again();
      }
    }

    private void again() {
      network.world.after(MemoryNetwork.STEP_MILLIS, this::connect);
    }

    private void cut() {
      if (connection != null) {
        connection.cut();
      }
    }

    @Override
    public void received(MemoryBroker.Message message) {
      if (connection != null && line.acknowledges()) {
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
        if (current == null || !line.acknowledges()) {
          throw new IOException("nobody acknowledges it");
        }
        current.publish(topic, payload.getBytes(StandardCharsets.UTF_8), false);
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
      closed = true;
      if (connection != null) {
        connection.leave();
      }
    }
  }

  @Override
  public FarEnd far(String device) {
    return network.far(TENANT + "/" + device);
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
    network.restartBroker();
  }
}
