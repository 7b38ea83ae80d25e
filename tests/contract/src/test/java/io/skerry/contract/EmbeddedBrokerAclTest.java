package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.message.publish.puback.Mqtt5PubAckReasonCode;
import io.skerry.e2e.RunningServer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class EmbeddedBrokerAclTest extends BrokerAclContract {
  @Override
  RunningServer startServer(Path folder) throws Exception {
    return RunningServer.start(folder, List.of());
  }

  @Override
  void stopBroker() {}

  @Override
  void revocationTold() {}

  @Test
  void retainsTheStatusOnly() {
    Mqtt5BlockingClient device = connected(self());

    assertThat(publish(device, own("status"), true, new byte[1]))
        .isEqualTo(Mqtt5PubAckReasonCode.SUCCESS);
    assertThat(publish(device, own("reported"), true, new byte[1]))
        .isEqualTo(Mqtt5PubAckReasonCode.NOT_AUTHORIZED);
    leave(device);
  }
}
