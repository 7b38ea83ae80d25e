package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What the device's link must hold with any broker, over a line that can fail. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class LinkContract {
  private static final TenantId TENANT = new TenantId("default");
  private static final long WAIT_SECONDS = 60;
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private @Nullable BareBroker started;

  abstract BareBroker start(Path folder) throws Exception;

  @BeforeAll
  void begin(@TempDir Path folder) throws Exception {
    started = start(folder);
  }

  @AfterAll
  void end() throws Exception {
    if (started != null) {
      started.stop();
    }
  }

  private BareBroker broker() {
    if (started == null) {
      throw new IllegalStateException("not started");
    }
    return started;
  }

  private static final class Heard implements DeviceLink.Listener {
    private final BlockingQueue<String> connects = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();

    @Override
    public void connected() {
      connects.add("connected");
    }

    @Override
    public void received(String topic, byte[] payload) {
      received.add(new String(payload, StandardCharsets.UTF_8));
    }

    void awaitConnect() throws InterruptedException {
      assertThat(connects.poll(WAIT_SECONDS, TimeUnit.SECONDS)).as("connects").isNotNull();
    }

    void await(String payload) throws InterruptedException {
      String next = "";
      while (!payload.equals(next)) {
        next = received.poll(WAIT_SECONDS, TimeUnit.SECONDS);
        assertThat(next).as("waits for '%s'", payload).isNotNull();
      }
    }
  }

  private static DeviceLink link(String device, int port, int willDelaySeconds, Heard heard) {
    DeviceLink link =
        new PahoLink(
            new LinkConfig("127.0.0.1", port, TENANT, new DeviceId(device), "any", 1)
                .with(
                    new LinkConfig.Timing(
                        Duration.ofMillis(20),
                        Duration.ofMillis(200),
                        Duration.ofMinutes(1),
                        PATIENCE,
                        Duration.ofSeconds(willDelaySeconds),
                        Duration.ofMinutes(10))),
            InstantSource.system(),
            RandomGenerator.getDefault(),
            Thread::startVirtualThread);
    link.start(heard);
    return link;
  }

  private static String topic(String device, String kind) {
    return Topics.device(TENANT, new DeviceId(device), kind);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The other end, which has nothing to do with the line. */
  private Mqtt5BlockingClient operator() {
    Mqtt5BlockingClient operator =
        Mqtt5Client.builder()
            .identifier("operator-" + System.nanoTime())
            .serverHost("127.0.0.1")
            .serverPort(broker().port())
            .buildBlocking();
    operator.connect();
    return operator;
  }

  private static void order(Mqtt5BlockingClient operator, String device, String payload) {
    operator
        .publishWith()
        .topic(topic(device, Topics.DESIRED))
        .qos(MqttQos.AT_LEAST_ONCE)
        .retain(true)
        .payload(bytes(payload))
        .send();
  }

  @Test
  void getsTheOrderAfterEveryReconnect() throws Exception {
    Heard heard = new Heard();
    Mqtt5BlockingClient operator = operator();
    order(operator, "again", "order 1");
    try (FaultyLine line = new FaultyLine(broker().port());
        DeviceLink link = link("again", line.port(), 30, heard)) {
      for (int round = 0; round < 5; round++) {
        heard.await("order 1");
        assertThat(link.state()).isNotEqualTo(DeviceLink.State.CLOSED);
        line.cut();
        line.mend();
      }
    }
    operator.disconnect();
  }

  @Test
  void getsTheNewestOrderOfAThousandFiveHundredThatCameWhileItWasAway() throws Exception {
    Heard heard = new Heard();
    Mqtt5BlockingClient operator = operator();
    order(operator, "away", "order 0");
    try (FaultyLine line = new FaultyLine(broker().port());
        DeviceLink link = link("away", line.port(), 30, heard)) {
      heard.await("order 0");
      line.cut();
      for (int i = 1; i <= 1500; i++) {
        order(operator, "away", "order " + i);
      }
      line.mend();

      heard.await("order 1500");
      assertThat(link.state()).isEqualTo(DeviceLink.State.CONNECTED);
    }
    operator.disconnect();
  }

  @Test
  void losesNothingThatWasAcknowledged() throws Exception {
    Heard heard = new Heard();
    Mqtt5BlockingClient operator = operator();
    String events = topic("busy", "events");
    try (var arrived = operator.publishes(MqttGlobalPublishFilter.ALL);
        FaultyLine line = new FaultyLine(broker().port());
        DeviceLink link = link("busy", line.port(), 30, heard)) {
      operator.subscribeWith().topicFilter(events).qos(MqttQos.AT_LEAST_ONCE).send();
      heard.awaitConnect();
      Set<String> acknowledged = new HashSet<>();
      int cuts = 0;
      for (int i = 0; i < 400 || acknowledged.size() < 200; i++) {
        assertThat(i).isLessThan(20_000);
        try {
          link.publish(events, bytes("event " + i));
          acknowledged.add("event " + i);
        } catch (LinkException e) {
          TimeUnit.MILLISECONDS.sleep(5);
        }
        if (i % 100 == 50 && cuts < 4) {
          cuts++;
          line.cut();
          line.mend();
        }
      }
      while (!acknowledged.isEmpty()) {
        Mqtt5Publish next = arrived.receive(WAIT_SECONDS, TimeUnit.SECONDS).orElseThrow();
        acknowledged.remove(new String(next.getPayloadAsBytes(), StandardCharsets.UTF_8));
      }
    }
    operator.disconnect();
  }

  @Test
  void givesUpAPublishThatNobodyAcknowledgesAndComesBack() throws Exception {
    Heard heard = new Heard();
    try (FaultyLine line = new FaultyLine(broker().port());
        DeviceLink link = link("stalled", line.port(), 30, heard)) {
      heard.awaitConnect();
      line.stall();
      long before = System.nanoTime();

      assertThatThrownBy(() -> link.publish(topic("stalled", "events"), bytes("event")))
          .isInstanceOf(LinkException.class);

      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(PATIENCE.multipliedBy(5));
      line.cut();
      line.mend();
      heard.awaitConnect();
      link.publish(topic("stalled", "events"), bytes("event"));
    }
  }

  @Test
  void isToldGoneWhenItsConnectionIsLostForGood() throws Exception {
    Heard heard = new Heard();
    Mqtt5BlockingClient operator = operator();
    try (var arrived = operator.publishes(MqttGlobalPublishFilter.ALL);
        FaultyLine line = new FaultyLine(broker().port());
        DeviceLink link = link("gone", line.port(), 1, heard)) {
      operator
          .subscribeWith()
          .topicFilter(topic("gone", Topics.STATUS))
          .qos(MqttQos.AT_LEAST_ONCE)
          .send();
      heard.awaitConnect();
      assertThat(status(arrived).online()).isTrue();
      line.cut();

      assertThat(status(arrived).online()).isFalse();

      line.mend();
      heard.awaitConnect();
      assertThat(status(arrived).online()).isTrue();
      assertThat(link.state()).isEqualTo(DeviceLink.State.CONNECTED);
    }
    operator.disconnect();
  }

  @Test
  void hidesAShortDropFromEverybody() throws Exception {
    Heard heard = new Heard();
    Mqtt5BlockingClient operator = operator();
    try (var arrived = operator.publishes(MqttGlobalPublishFilter.ALL);
        FaultyLine line = new FaultyLine(broker().port())) {
      operator
          .subscribeWith()
          .topicFilter(topic("short", Topics.STATUS))
          .qos(MqttQos.AT_LEAST_ONCE)
          .send();
      DeviceLink link = link("short", line.port(), 60, heard);
      for (int round = 0; round < 3; round++) {
        heard.awaitConnect();
        assertThat(status(arrived).online()).isTrue();
        line.cut();
        line.mend();
      }
      heard.awaitConnect();
      assertThat(status(arrived).online()).isTrue();
      link.close();

      assertThat(status(arrived).online()).as("says farewell").isFalse();
    }
    operator.disconnect();
  }

  private static DeviceStatus status(Mqtt5BlockingClient.Mqtt5Publishes arrived) throws Exception {
    return ProtocolCodec.decodeStatus(
        arrived.receive(WAIT_SECONDS, TimeUnit.SECONDS).orElseThrow().getPayloadAsBytes());
  }

  @Test
  void comesBackToABrokerThatLostEverything() throws Exception {
    Heard heard = new Heard();
    try (DeviceLink link = link("patient", broker().port(), 30, heard)) {
      heard.awaitConnect();
      broker().restartEmpty();
      heard.awaitConnect();
      Mqtt5BlockingClient operator = operator();
      order(operator, "patient", "order after the restart");

      heard.await("order after the restart");
      link.publish(topic("patient", "events"), bytes("event"));
      operator.disconnect();
    }
  }
}
