package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5PubAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5SubAckException;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5WillPublish;
import com.hivemq.client.mqtt.mqtt5.message.publish.puback.Mqtt5PubAckReasonCode;
import io.skerry.e2e.RunningServer;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every broker must hold between devices and control plane. The server is a real one, and the
 * devices are enrolled with it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BrokerAclContract {
  private static final String DEVICES = "skerry/v1/default/devices/";

  private @Nullable RunningServer server;
  private @Nullable EnrolledFleet fleet;
  private EnrolledFleet.@Nullable Member self;
  private EnrolledFleet.@Nullable Member other;

  /** Starts control plane and broker. */
  abstract RunningServer startServer(Path folder) throws Exception;

  /** Ends what {@link #startServer} has started besides the server. */
  abstract void stopBroker() throws Exception;

  /** Makes the broker take notice of a revocation, as far as it does not by itself. */
  abstract void revocationTold() throws Exception;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    RunningServer started = startServer(folder);
    server = started;
    EnrolledFleet made = new EnrolledFleet(started, folder.resolve("data"));
    fleet = made;
    self = made.enrol("cam-1");
    other = made.enrol("cam-2");
  }

  @AfterAll
  void stop() throws Exception {
    if (fleet != null) {
      fleet.close();
    }
    stopBroker();
    if (server != null) {
      server.close();
    }
  }

  @Test
  void carriesRecordsToTheControlPlaneAndItsAnswerBack() throws Exception {
    Mqtt5BlockingClient device = connected(self());
    try (var heard = device.publishes(MqttGlobalPublishFilter.ALL)) {
      subscribe(device, own("committed"));
      publishOrFail(device, own("events"), batch());

      Mqtt5Publish answer = heard.receive(30, TimeUnit.SECONDS).orElseThrow();
      List<CommittedRange> committed = ProtocolCodec.decodeCommitted(answer.getPayloadAsBytes());
      assertThat(committed).singleElement().extracting(CommittedRange::through).isEqualTo(1L);
    }
    leave(device);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "skerry/v1/default/devices/cam-2/events",
        "skerry/v1/default/devices/cam-2/status",
        "skerry/v1/other/devices/cam-1/events",
        "skerry/v1/default/control/state",
        "skerry/v1/default/devices/cam-1/desired",
        "skerry/v1/default/devices/cam-1/committed",
        "skerry/v1/default/devices/cam-1/events/more",
        "skerry/v1/default/devices/cam-1",
        "anything",
      })
  void refusesToPublishOnAForeignTopic(String topic) {
    Mqtt5BlockingClient device = connected(self());

    assertThat(publish(device, topic, false, new byte[1]))
        .isEqualTo(Mqtt5PubAckReasonCode.NOT_AUTHORIZED);
    leave(device);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#",
        "skerry/#",
        "skerry/v1/default/devices/+/events",
        "skerry/v1/default/devices/+/status",
        "skerry/v1/default/devices/cam-2/#",
        "skerry/v1/default/devices/cam-2/events",
        "$share/group/skerry/v1/default/devices/cam-2/events",
      })
  void bringsADeviceNothingOfAnother(String filter) throws Exception {
    Mqtt5BlockingClient curious = connected(self());
    try (var heard = curious.publishes(MqttGlobalPublishFilter.ALL)) {
      boolean granted = subscribe(curious, filter);
      Mqtt5BlockingClient talking = connected(other());
      publishOrFail(talking, DEVICES + "cam-2/events", new byte[] {1});
      assertThat(publish(talking, DEVICES + "cam-2/status", true, new byte[] {1}))
          .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
      leave(talking);

      if (granted) {
        // Whatever was on its way has come before the answer to this.
        subscribe(curious, own("desired"));
      }
      assertThat(foreign(heard)).isEmpty();
    }
    leave(curious);
  }

  // The control plane's state is for every device, and comes whenever it has a new one.
  private static Optional<Mqtt5Publish> foreign(Mqtt5BlockingClient.Mqtt5Publishes heard)
      throws InterruptedException {
    Optional<Mqtt5Publish> message;
    do {
      message = heard.receive(500, TimeUnit.MILLISECONDS);
    } while (message.filter(BrokerAclContract::isForEveryDevice).isPresent());
    return message;
  }

  private static boolean isForEveryDevice(Mqtt5Publish message) {
    return message.getTopic().toString().equals("skerry/v1/default/control/state");
  }

  @Test
  void publishesNoWillOnAForeignTopic() throws Exception {
    Mqtt5BlockingClient reader = connected(other());
    try (var heard = reader.publishes(MqttGlobalPublishFilter.ALL)) {
      subscribe(reader, DEVICES + "cam-2/desired");
      Mqtt5BlockingClient device = client("default/cam-1", self());
      try {
        device
            .connectWith()
            .willPublish(
                Mqtt5WillPublish.builder()
                    .topic(DEVICES + "cam-2/desired")
                    .qos(MqttQos.AT_LEAST_ONCE)
                    .retain(true)
                    .payload(new byte[1])
                    .build())
            .send();
        device
            .disconnectWith()
            .reasonCode(Mqtt5DisconnectReasonCode.DISCONNECT_WITH_WILL_MESSAGE)
            .send();
      } catch (Mqtt5ConnAckException refused) {
        assertThat(refused).hasMessageContaining("NOT_AUTHORIZED");
      }

      assertThat(heard.receive(1, TimeUnit.SECONDS)).isEmpty();
    }
    leave(reader);
  }

  @Test
  void acceptsAWillOnTheOwnStatus() {
    Mqtt5BlockingClient device = client("default/cam-1", self());
    device
        .connectWith()
        .willPublish(
            Mqtt5WillPublish.builder()
                .topic(own("status"))
                .qos(MqttQos.AT_LEAST_ONCE)
                .retain(true)
                .payload(new byte[1])
                .delayInterval(30)
                .build())
        .send();

    leave(device);
  }

  @Test
  void letsNobodyActUnderAnothersClientId() {
    Mqtt5BlockingClient victim = connected(other());
    Mqtt5BlockingClient impostor = client("default/cam-2", self());
    try {
      impostor.connect();
      assertThat(publish(impostor, DEVICES + "cam-2/events", false, new byte[1]))
          .isEqualTo(Mqtt5PubAckReasonCode.NOT_AUTHORIZED);
    } catch (RuntimeException refused) {
      assertThat(refused).hasMessageContaining("CLIENT_IDENTIFIER_NOT_VALID");
    }

    assertThat(publish(victim, DEVICES + "cam-2/events", false, new byte[1]))
        .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    leave(impostor);
    leave(victim);
  }

  @Test
  void refusesAClientWithoutACertificate() {
    refuses("default/cam-1", fleet().anonymous());
    refuses("control", fleet().anonymous());
  }

  @Test
  void refusesACertificateOfAnotherAuthority() throws Exception {
    refuses("default/cam-1", fleet().foreign("cam-1"));
    refuses("control", fleet().foreign("control"));
  }

  @Test
  void refusesARevokedDevice() throws Exception {
    EnrolledFleet.Member lost = fleet().enrol("cam-3");
    leave(connected(lost));
    fleet().revoke("cam-3");
    revocationTold();

    refuses("default/cam-3", lost.tls());
    leave(connected(other()));
  }

  @Test
  void deliversNoPayloadThatIsTooLarge() {
    Mqtt5BlockingClient device = connected(self());

    assertThatThrownBy(() -> publishOrFail(device, own("samples"), new byte[256 * 1024 + 1]))
        .isNotNull();
    leave(device);
  }

  @Test
  void deliversTheLargestPayloadThatIsAllowed() {
    Mqtt5BlockingClient device = connected(self());

    assertThat(publish(device, own("samples"), false, new byte[256 * 1024]))
        .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    leave(device);
  }

  @Test
  void announcesItsLimits() {
    Mqtt5BlockingClient device = client("default/cam-1", self());
    Mqtt5ConnAck answer = device.connect();

    assertThat(answer.getRestrictions().getMaximumQos()).isEqualTo(MqttQos.AT_LEAST_ONCE);
    assertThat(answer.getRestrictions().getMaximumPacketSize()).isEqualTo(300_000);
    leave(device);
  }

  static byte[] batch() {
    return RecordBatch.newBuilder()
        .setBootEpoch(1)
        .addRecords(
            Record.newBuilder()
                .setSequence(1)
                .setAtMillis(1_700_000_000_000L)
                .setEvent(Event.newBuilder().setCode("TESTED")))
        .build()
        .toByteArray();
  }

  final EnrolledFleet.Member self() {
    return present(self);
  }

  final EnrolledFleet.Member other() {
    return present(other);
  }

  final EnrolledFleet fleet() {
    return present(fleet);
  }

  private static <T> T present(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("not started");
    }
    return part;
  }

  static String own(String kind) {
    return DEVICES + "cam-1/" + kind;
  }

  static Mqtt5BlockingClient client(String clientId, EnrolledFleet.Member member) {
    return client(clientId, member, member.tls());
  }

  private static Mqtt5BlockingClient client(
      String clientId, EnrolledFleet.Member at, MqttClientSslConfig tls) {
    return Mqtt5Client.builder()
        .identifier(clientId)
        .serverHost(at.mqttHost())
        .serverPort(at.mqttPort())
        .sslConfig(tls)
        .buildBlocking();
  }

  static Mqtt5BlockingClient connected(EnrolledFleet.Member member) {
    Mqtt5BlockingClient client = client("default/" + member.device(), member);
    client.connect();
    return client;
  }

  private void refuses(String clientId, MqttClientSslConfig tls) {
    assertThatThrownBy(() -> client(clientId, self(), tls).connect()).isNotNull();
  }

  static void leave(Mqtt5BlockingClient client) {
    // The broker may have closed the connection itself.
    client.toAsync().disconnect().handle((left, failure) -> true).join();
  }

  static boolean subscribe(Mqtt5BlockingClient client, String filter) {
    try {
      client.subscribeWith().topicFilter(filter).qos(MqttQos.AT_LEAST_ONCE).send();
      return true;
    } catch (Mqtt5SubAckException e) {
      return false;
    }
  }

  static void publishOrFail(Mqtt5BlockingClient client, String topic, byte[] payload) {
    client.publishWith().topic(topic).qos(MqttQos.AT_LEAST_ONCE).payload(payload).send();
  }

  static Mqtt5PubAckReasonCode publish(
      Mqtt5BlockingClient client, String topic, boolean retained, byte[] payload) {
    try {
      client
          .publishWith()
          .topic(topic)
          .qos(MqttQos.AT_LEAST_ONCE)
          .retain(retained)
          .payload(payload)
          .send();
      return Mqtt5PubAckReasonCode.SUCCESS;
    } catch (Mqtt5PubAckException e) {
      return e.getMqttMessage().getReasonCode();
    }
  }
}
