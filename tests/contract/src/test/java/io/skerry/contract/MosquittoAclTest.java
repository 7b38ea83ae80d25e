package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.message.publish.puback.Mqtt5PubAckReasonCode;
import io.skerry.e2e.RunningServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same with a Mosquitto that runs on the configuration files of the documentation. */
@Tag("slow")
class MosquittoAclTest extends BrokerAclContract {
  private int port;
  private long emptyListBytes;
  private @Nullable Path folder;
  private @Nullable Path tls;
  private @Nullable Mosquitto mosquitto;

  @Override
  RunningServer startServer(Path started) throws Exception {
    Mosquitto.require();
    folder = started;
    port = Mosquitto.freePort();
    Path configuration = started.resolve("server.yaml");
    Files.writeString(configuration, "broker:\n  host: 127.0.0.1\n  port: %d\n".formatted(port));
    RunningServer server =
        RunningServer.start(started, List.of("--config", configuration.toString()));
    tls = started.resolve("data/broker/tls");
    emptyListBytes = Files.size(started.resolve("data/broker/tls/crl.pem"));
    startBroker();
    return server;
  }

  private void startBroker() throws IOException, InterruptedException {
    if (folder == null || tls == null) {
      throw new IllegalStateException("not started");
    }
    Files.deleteIfExists(tls.resolve("acl"));
    mosquitto = Mosquitto.start(folder, tls, port);
  }

  @Override
  void stopBroker() {
    if (mosquitto != null) {
      mosquitto.close();
    }
  }

  // It reads the list of revoked certificates at its start only.
  @Override
  void revocationTold() throws Exception {
    awaitRevocation();
    stopBroker();
    startBroker();
  }

  private void awaitRevocation() throws IOException, InterruptedException {
    if (tls == null) {
      throw new IllegalStateException("not started");
    }
    Path list = tls.resolve("crl.pem");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (Files.size(list) <= emptyListBytes) {
      assertThat(System.nanoTime()).as("waited for the list of the revoked").isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  /** What it cannot refuse stays within the device's own topics. */
  @Test
  void keepsARetainedReportToItsOwnDevicesTopic() throws Exception {
    Mqtt5BlockingClient device = connected(self());
    assertThat(publish(device, own("reported"), true, new byte[1]))
        .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    Mqtt5BlockingClient other = connected(other());
    try (var heard = other.publishes(MqttGlobalPublishFilter.ALL)) {
      subscribe(other, "skerry/v1/default/devices/cam-1/reported");

      assertThat(heard.receive(500, TimeUnit.MILLISECONDS)).isEmpty();
    }
    publish(device, own("reported"), true, new byte[0]);
    leave(device);
    leave(other);
  }
}
