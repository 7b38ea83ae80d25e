package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5DisconnectException;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAckReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import io.skerry.control.access.DeviceIdentity;
import io.skerry.control.ca.DeviceRevoked;
import io.skerry.control.host.StartException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Whatever goes wrong with the rules, nobody gets in because of it. */
@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class BrokerFailsClosedTest {
  @TempDir Path root;

  @Test
  void refusesWhenTheCheckFails() {
    DeviceIdentity failing =
        certificate -> {
          throw new IllegalStateException("the database is away");
        };
    try (RunningBroker broker = with(failing)) {
      assertThat(refused(broker.device("cam-1")))
          .isEqualTo(Mqtt5ConnAckReasonCode.SERVER_UNAVAILABLE);
    }
  }

  @Test
  void refusesWhenTheCheckTakesTooLong() {
    CountDownLatch never = new CountDownLatch(1);
    DeviceIdentity hanging =
        certificate -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          throw new IllegalStateException("interrupted");
        };
    try (RunningBroker broker = with(hanging)) {
      Mqtt5BlockingClient patient =
          Mqtt5Client.builder()
              .identifier("default/cam-1")
              .serverHost("127.0.0.1")
              .serverPort(broker.port())
              .sslConfig(broker.authority.device("cam-1").tls())
              .transportConfig()
              .mqttConnectTimeout(60, TimeUnit.SECONDS)
              .applyTransportConfig()
              .buildBlocking();
      assertThat(refused(patient)).isEqualTo(Mqtt5ConnAckReasonCode.SERVER_UNAVAILABLE);
    } finally {
      never.countDown();
    }
  }

  @Test
  void refusesARevokedDevice() {
    RunningBroker.Known known = new RunningBroker.Known();
    known.revoked.add("cam-1");
    try (RunningBroker broker = with(known)) {
      assertThat(refused(broker.device("cam-1"))).isEqualTo(Mqtt5ConnAckReasonCode.NOT_AUTHORIZED);
    }
  }

  @Test
  void cutsTheConnectionOfADeviceThatIsRevoked() throws Exception {
    try (RunningBroker broker = with(new RunningBroker.Known())) {
      CompletableFuture<Mqtt5DisconnectReasonCode> cut = new CompletableFuture<>();
      Mqtt5BlockingClient device =
          Mqtt5Client.builder()
              .identifier("default/cam-1")
              .serverHost("127.0.0.1")
              .serverPort(broker.port())
              .sslConfig(broker.authority.device("cam-1").tls())
              .addDisconnectedListener(
                  context -> {
                    if (context.getCause() instanceof Mqtt5DisconnectException told) {
                      cut.complete(told.getMqttMessage().getReasonCode());
                    }
                  })
              .buildBlocking();
      device.connect();
      Mqtt5BlockingClient other = broker.device("cam-2");
      other.connect();

      broker.rules.revoked(
          new DeviceRevoked(new TenantId("default"), new DeviceId("cam-1"), "stolen"));

      assertThat(cut.get(20, TimeUnit.SECONDS)).isEqualTo(Mqtt5DisconnectReasonCode.NOT_AUTHORIZED);
      assertThat(other.getState().isConnected()).isTrue();
    }
  }

  @Test
  void doesNotStartWithoutItsRules() {
    BrokerRules broken =
        new BrokerRules(certificate -> Optional.empty(), new DeviceTraffic(BrokerConfig.DEFAULTS)) {
          @Override
          public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
            throw new IllegalStateException("could not load");
          }
        };

    assertThatThrownBy(
            () -> new RunningBroker(root, 0, BrokerConfig.DEFAULTS, new TestAuthority(), broken))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("did not load its rules");
  }

  @Test
  void refusesEverybodyWhenTheRulesCouldNotBeLoaded() throws Exception {
    TestAuthority authority = new TestAuthority();
    int port = freePort();
    Path configuration = Files.createDirectories(root.resolve("conf"));
    Files.writeString(
        configuration.resolve("config.xml"),
        BrokerXml.of("127.0.0.1", port, authority.brokerStores(root), 100));
    EmbeddedHiveMQ broker = Broker.embedded(root, new Broken());
    try {
      broker.start().get(60, TimeUnit.SECONDS);

      for (TestAuthority.Identity identity :
          List.of(authority.device("cam-1"), authority.control())) {
        assertThat(
                refused(
                    Mqtt5Client.builder()
                        .identifier("default/cam-1")
                        .serverHost("127.0.0.1")
                        .serverPort(port)
                        .sslConfig(identity.tls())
                        .buildBlocking()))
            .isEqualTo(Mqtt5ConnAckReasonCode.NOT_AUTHORIZED);
      }
    } finally {
      broker.stop().get(60, TimeUnit.SECONDS);
    }
  }

  private RunningBroker with(DeviceIdentity identities) {
    return new RunningBroker(
        root,
        0,
        BrokerConfig.DEFAULTS,
        new TestAuthority(),
        RunningBroker.rules(identities, BrokerConfig.DEFAULTS));
  }

  private static Mqtt5ConnAckReasonCode refused(Mqtt5BlockingClient client) {
    try {
      client.connect();
      throw new AssertionError("connected");
    } catch (Mqtt5ConnAckException e) {
      return e.getMqttMessage().getReasonCode();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static final class Broken implements ExtensionMain {
    @Override
    public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
      throw new IllegalStateException("could not load");
    }

    @Override
    public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {}
  }
}
