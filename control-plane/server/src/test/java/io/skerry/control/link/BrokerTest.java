package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.exceptions.ConnectionClosedException;
import com.hivemq.client.mqtt.exceptions.ConnectionFailedException;
import com.hivemq.client.mqtt.lifecycle.MqttClientDisconnectedListener;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5DisconnectException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5PubAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5SubAckException;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAckReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5WillPublish;
import com.hivemq.client.mqtt.mqtt5.message.publish.puback.Mqtt5PubAckReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.suback.Mqtt5SubAckReasonCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Real clients against the embedded broker. */
@Tag("slow")
class BrokerTest {
  private static final String OWN = "skerry/v1/default/devices/cam-1/";

  @TempDir static Path root;
  private static RunningBroker broker;

  @BeforeAll
  static void start() {
    broker = RunningBroker.start(root);
  }

  @AfterAll
  static void stop() {
    broker.close();
  }

  @Test
  void letsADeviceInWithItsCertificate() {
    Mqtt5BlockingClient device = broker.device("cam-1");

    device.connect();

    assertThat(device.getState().isConnected()).isTrue();
    assertThat(publish(device, OWN + "events", false, 1)).isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    assertThat(publish(device, OWN + "status", true, 1)).isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    assertThat(subscribe(device, OWN + "desired")).isEqualTo(Mqtt5SubAckReasonCode.GRANTED_QOS_1);
    assertThat(subscribe(device, "skerry/v1/default/control/state"))
        .isEqualTo(Mqtt5SubAckReasonCode.GRANTED_QOS_1);
    device.disconnect();
  }

  @Test
  void refusesAClientWithoutACertificate() {
    refusesHandshake(
        broker.client("default/cam-1", broker.authority.device("cam-1").anonymousTls()));
  }

  @Test
  void refusesAClientWithoutTls() {
    refusesHandshake(
        Mqtt5Client.builder()
            .identifier("default/cam-1")
            .serverHost("127.0.0.1")
            .serverPort(broker.port())
            .buildBlocking());
  }

  @Test
  void refusesACertificateOfAnotherAuthority() {
    refusesHandshake(
        broker.client(
            "default/cam-1", new TestAuthority().foreign("cam-1", broker.authority).tls()));
    refusesHandshake(
        broker.client(
            "control",
            new TestAuthority.Identity(
                    new TestAuthority().control().pair(),
                    new TestAuthority().control().certificate(),
                    broker.authority.control().trusted())
                .tls()));
  }

  @Test
  void refusesACertificateThatHasRunOut() {
    refusesHandshake(
        broker.client(
            "default/cam-1", broker.authority.device("cam-1", Duration.ofMinutes(-1)).tls()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.1", "TLSv1"})
  void refusesOldTls(String protocol) {
    MqttClientSslConfig tls =
        broker.authority.device("cam-1").tls().extend().protocols(List.of(protocol)).build();

    refusesHandshake(broker.client("default/cam-1", tls));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "default/cam-2",
        "other/cam-1",
        "control",
        "cam-1",
        "default/+",
        "default/cam-1/x"
      })
  void refusesAnyOtherClientId(String clientId) {
    assertThat(refusedConnect(broker.client(clientId, broker.authority.device("cam-1").tls())))
        .isEqualTo(Mqtt5ConnAckReasonCode.CLIENT_IDENTIFIER_NOT_VALID);
  }

  @Test
  void letsNobodyTakeADeviceNamedControlForTheControlPlane() {
    assertThat(refusedConnect(broker.client("control", broker.authority.device("control").tls())))
        .isEqualTo(Mqtt5ConnAckReasonCode.CLIENT_IDENTIFIER_NOT_VALID);
  }

  @ParameterizedTest
  @CsvSource({
    "skerry/v1/default/devices/cam-2/events, false, 1",
    "skerry/v1/other/devices/cam-1/events, false, 1",
    "skerry/v1/default/control/state, false, 1",
    "skerry/v1/default/devices/cam-1/desired, true, 1",
    "skerry/v1/default/devices/cam-1/committed, false, 1",
    "skerry/v1/default/devices/cam-1/windows, true, 1",
    "skerry/v1/default/devices/cam-1/windows, false, 262145",
    "skerry/v1/default/devices/cam-1/reported, false, 32769",
    "skerry/v1/default/devices/cam-1/status, true, 1025",
    "anything, false, 1",
  })
  void refusesWhatADeviceMayNotPublish(String topic, boolean retained, int bytes) {
    Mqtt5BlockingClient device = connected("cam-1");

    assertThat(publish(device, topic, retained, bytes))
        .isEqualTo(Mqtt5PubAckReasonCode.NOT_AUTHORIZED);
    leave(device);
  }

  @Test
  void deliversNothingOfWhatItRefused() throws Exception {
    Mqtt5BlockingClient control = broker.client("control", broker.authority.control().tls());
    control.connect();
    try (var heard = control.publishes(MqttGlobalPublishFilter.ALL)) {
      subscribe(control, "skerry/v1/default/devices/+/events");
      Mqtt5BlockingClient device = connected("cam-9");
      publish(device, OWN + "events", false, 1);
      leave(device);
      device = connected("cam-9");
      publish(device, "skerry/v1/default/devices/cam-9/events", false, 1);

      Mqtt5Publish first = heard.receive(20, TimeUnit.SECONDS).orElseThrow();
      assertThat(first.getTopic()).hasToString("skerry/v1/default/devices/cam-9/events");
      leave(device);
    }
    leave(control);
  }

  @Test
  void cutsAClientThatSendsMoreThanAPacketMayHold() {
    CompletableFuture<Mqtt5DisconnectReasonCode> cut = new CompletableFuture<>();
    Mqtt5BlockingClient device = telling("cam-1", broker, cut);
    device.connect();

    // The client knows the broker's limit and refuses by itself.
    assertThatThrownBy(() -> publish(device, OWN + "events", false, 400_000))
        .hasMessageContaining("300000");
    leave(device);
  }

  @Test
  void announcesNoMoreThanQosOne() {
    Mqtt5BlockingClient device = broker.device("cam-1");

    assertThat(device.connect().getRestrictions().getMaximumQos()).isEqualTo(MqttQos.AT_LEAST_ONCE);
    leave(device);
  }

  @Test
  void looksBehindTopicAliases() {
    Mqtt5BlockingClient device = broker.device("cam-1");
    device.connectWith().restrictions().sendTopicAliasMaximum(5).applyRestrictions().send();

    for (int i = 0; i < 3; i++) {
      assertThat(publish(device, OWN + "events", false, 1))
          .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    }
    assertThat(publish(device, "skerry/v1/default/devices/cam-2/events", false, 1))
        .isEqualTo(Mqtt5PubAckReasonCode.NOT_AUTHORIZED);
    leave(device);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#",
        "skerry/#",
        "skerry/v1/default/devices/+/desired",
        "skerry/v1/default/devices/cam-2/desired",
        "skerry/v1/default/devices/cam-1/reported",
        "skerry/v1/other/control/state",
        "$share/g/skerry/v1/default/devices/cam-1/desired",
        "$SYS/#",
      })
  void refusesWhatADeviceMayNotRead(String filter) {
    Mqtt5BlockingClient device = connected("cam-1");

    assertThat(subscribe(device, filter)).isEqualTo(Mqtt5SubAckReasonCode.NOT_AUTHORIZED);
    leave(device);
  }

  @ParameterizedTest
  @CsvSource({
    "skerry/v1/default/devices/cam-1/status, true, 1, 60, true",
    "skerry/v1/default/devices/cam-1/status, true, 1, 301, false",
    "skerry/v1/default/devices/cam-1/status, true, 1025, 0, false",
    "skerry/v1/default/devices/cam-2/status, true, 1, 0, false",
    "skerry/v1/default/devices/cam-1/events, false, 1, 0, false",
    "skerry/v1/default/devices/cam-1/desired, true, 1, 0, false",
  })
  void looksAtTheWill(String topic, boolean retained, int bytes, long delay, boolean allowed) {
    Mqtt5WillPublish will =
        Mqtt5WillPublish.builder()
            .topic(topic)
            .qos(MqttQos.AT_LEAST_ONCE)
            .retain(retained)
            .payload(new byte[bytes])
            .delayInterval(delay)
            .build();
    Mqtt5BlockingClient device = broker.device("cam-1");

    if (allowed) {
      device.connectWith().willPublish(will).send();
      leave(device);
    } else {
      assertThatThrownBy(() -> device.connectWith().willPublish(will).send())
          .isInstanceOfSatisfying(
              Mqtt5ConnAckException.class,
              refused ->
                  assertThat(refused.getMqttMessage().getReasonCode())
                      .isEqualTo(Mqtt5ConnAckReasonCode.NOT_AUTHORIZED));
    }
  }

  @Test
  void refusesWhatIsOverTheLimitsAndCutsWhoGoesOn(@TempDir Path other) throws Exception {
    BrokerConfig strict =
        BrokerConfig.DEFAULTS.withLimits(new DeviceLimits(1, 5, 1000, 300_000, 3, 600, 20));
    try (RunningBroker limited = RunningBroker.start(other, strict)) {
      CompletableFuture<Mqtt5DisconnectReasonCode> cut = new CompletableFuture<>();
      Mqtt5BlockingClient device = telling("cam-1", limited, cut);
      device.connect();
      for (int i = 0; i < 5; i++) {
        assertThat(publish(device, OWN + "events", false, 1))
            .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
      }
      assertThat(publish(device, OWN + "events", false, 1))
          .isEqualTo(Mqtt5PubAckReasonCode.QUOTA_EXCEEDED);
      assertThat(device.getState().isConnected()).isTrue();

      // One at a time: what is still on its way when the broker closes may take its reason with it.
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 200; i++) {
                  publish(device, OWN + "events", false, 1);
                }
              })
          .isInstanceOf(RuntimeException.class);

      assertThat(cut.get(20, TimeUnit.SECONDS))
          .isEqualTo(Mqtt5DisconnectReasonCode.MESSAGE_RATE_TOO_HIGH);
    }
  }

  @Test
  void refusesTooManyConnects(@TempDir Path other) {
    BrokerConfig strict =
        BrokerConfig.DEFAULTS.withLimits(new DeviceLimits(100, 100, 1000, 300_000, 100, 1, 2));
    try (RunningBroker limited = RunningBroker.start(other, strict)) {
      for (int i = 0; i < 2; i++) {
        Mqtt5BlockingClient device = limited.device("cam-1");
        device.connect();
        leave(device);
      }

      assertThat(refusedConnect(limited.device("cam-1")))
          .isEqualTo(Mqtt5ConnAckReasonCode.CONNECTION_RATE_EXCEEDED);
      limited.device("cam-2").connect();
    }
  }

  private static Mqtt5BlockingClient connected(String name) {
    Mqtt5BlockingClient device = broker.device(name);
    device.connect();
    return device;
  }

  private static Mqtt5BlockingClient telling(
      String name, RunningBroker at, CompletableFuture<Mqtt5DisconnectReasonCode> cut) {
    MqttClientDisconnectedListener listener =
        context -> {
          if (context.getCause() instanceof Mqtt5DisconnectException told) {
            cut.complete(told.getMqttMessage().getReasonCode());
          }
        };
    return Mqtt5Client.builder()
        .identifier("default/" + name)
        .serverHost("127.0.0.1")
        .serverPort(at.port())
        .sslConfig(at.authority.device(name).tls())
        .addDisconnectedListener(listener)
        .buildBlocking();
  }

  private static void leave(Mqtt5BlockingClient client) {
    // The broker may be closing the connection itself just now.
    client.toAsync().disconnect().handle((left, failure) -> true).join();
  }

  private static void refusesHandshake(Mqtt5BlockingClient client) {
    // With TLS 1.3 the client hears of it only after its own part is done.
    assertThatThrownBy(client::connect)
        .isInstanceOfAny(ConnectionFailedException.class, ConnectionClosedException.class);
  }

  private static Mqtt5ConnAckReasonCode refusedConnect(Mqtt5BlockingClient client) {
    try {
      client.connect();
      throw new AssertionError("connected");
    } catch (Mqtt5ConnAckException e) {
      return e.getMqttMessage().getReasonCode();
    }
  }

  private static Mqtt5PubAckReasonCode publish(
      Mqtt5BlockingClient client, String topic, boolean retained, int bytes) {
    try {
      client
          .publishWith()
          .topic(topic)
          .qos(MqttQos.AT_LEAST_ONCE)
          .retain(retained)
          .payload(new byte[bytes])
          .send();
      return Mqtt5PubAckReasonCode.SUCCESS;
    } catch (Mqtt5PubAckException e) {
      return e.getMqttMessage().getReasonCode();
    }
  }

  private static Mqtt5SubAckReasonCode subscribe(Mqtt5BlockingClient client, String filter) {
    try {
      return client
          .subscribeWith()
          .topicFilter(filter)
          .qos(MqttQos.AT_LEAST_ONCE)
          .send()
          .getReasonCodes()
          .getFirst();
    } catch (Mqtt5SubAckException e) {
      return e.getMqttMessage().getReasonCodes().getFirst();
    }
  }
}
