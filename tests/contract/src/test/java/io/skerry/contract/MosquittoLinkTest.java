package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.eclipse.paho.mqttv5.client.IMqttMessageListener;
import org.eclipse.paho.mqttv5.client.MqttClient;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.eclipse.paho.mqttv5.common.MqttSubscription;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;

/** The device's link against a broker that is not ours. */
@Tag("containers")
class MosquittoLinkTest {
  private static final TenantId TENANT = new TenantId("default");
  private static @Nullable GenericContainer<?> mosquitto;

  @BeforeAll
  static void start() {
    Containers.requireEngine();
    GenericContainer<?> started = Containers.mosquitto();
    started.start();
    mosquitto = started;
  }

  @AfterAll
  static void stop() {
    if (mosquitto != null) {
      mosquitto.stop();
    }
  }

  @Test
  void getsTheRetainedOrderOnEveryConnect() throws Exception {
    DeviceId device = new DeviceId("late");
    try (Operator operator = new Operator()) {
      operator.publish(Topics.device(TENANT, device, Topics.DESIRED), "order 1", true);
      for (int connect = 1; connect <= 2; connect++) {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        try (DeviceLink link = link(device, connect)) {
          link.start(new Hearing(received));

          assertThat(received.poll(30, TimeUnit.SECONDS)).isEqualTo("order 1");
        }
      }
    }
  }

  @Test
  void tellsThatItIsOnlineOnTheTopicOfItsWill() throws Exception {
    DeviceId device = new DeviceId("present");
    try (Operator operator = new Operator()) {
      BlockingQueue<byte[]> statuses =
          operator.subscribe(Topics.device(TENANT, device, Topics.STATUS));
      try (DeviceLink link = link(device, 3)) {
        link.start(new Hearing(new LinkedBlockingQueue<>()));

        byte[] status = statuses.poll(30, TimeUnit.SECONDS);
        assertThat(status).isNotNull();
        DeviceStatus online = ProtocolCodec.decodeStatus(status);
        assertThat(online.online()).isTrue();
        assertThat(online.bootEpoch()).isEqualTo(3);
      }
    }
  }

  @Test
  void deliversWhatItPublishes() throws Exception {
    DeviceId device = new DeviceId("talking");
    try (Operator operator = new Operator()) {
      String topic = Topics.device(TENANT, device, Topics.REPORTED);
      BlockingQueue<byte[]> reports = operator.subscribe(topic);
      BlockingQueue<String> received = new LinkedBlockingQueue<>();
      try (DeviceLink link = link(device, 1)) {
        Hearing hearing = new Hearing(received);
        link.start(hearing);
        assertThat(hearing.connected.poll(30, TimeUnit.SECONDS)).isTrue();

        for (int i = 0; i < 100; i++) {
          link.publish(topic, ("report " + i).getBytes(StandardCharsets.UTF_8));
        }

        for (int i = 0; i < 100; i++) {
          assertThat(reports.poll(30, TimeUnit.SECONDS)).asString().isEqualTo("report " + i);
        }
      }
    }
  }

  private static DeviceLink link(DeviceId device, long bootEpoch) {
    return new PahoLink(
        new LinkConfig("127.0.0.1", port(), TENANT, device, "any", bootEpoch),
        InstantSource.system(),
        RandomGenerator.getDefault(),
        Thread::startVirtualThread);
  }

  private static int port() {
    if (mosquitto == null) {
      throw new IllegalStateException("the container has not been started");
    }
    return Containers.mqttPort(mosquitto);
  }

  private static final class Hearing implements DeviceLink.Listener {
    private final BlockingQueue<Boolean> connected = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> received;

    Hearing(BlockingQueue<String> received) {
      this.received = received;
    }

    @Override
    public void connected() {
      connected.add(true);
    }

    @Override
    public void received(String topic, byte[] payload) {
      received.add(new String(payload, StandardCharsets.UTF_8));
    }
  }

  /** The other end: an ordinary client. */
  private static final class Operator implements AutoCloseable {
    private final MqttClient client;

    Operator() throws Exception {
      client = new MqttClient("tcp://127.0.0.1:" + port(), "operator", new MemoryPersistence());
      client.connect();
    }

    void publish(String topic, String payload, boolean retained) throws Exception {
      client.publish(topic, payload.getBytes(StandardCharsets.UTF_8), 1, retained);
    }

    BlockingQueue<byte[]> subscribe(String topic) throws Exception {
      BlockingQueue<byte[]> received = new LinkedBlockingQueue<>();
      client.subscribe(
          new MqttSubscription[] {new MqttSubscription(topic, 1)},
          new IMqttMessageListener[] {(from, message) -> received.add(message.getPayload())});
      return received;
    }

    @Override
    public void close() throws MqttException {
      client.disconnect();
      client.close();
    }
  }
}
