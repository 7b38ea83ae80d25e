package io.skerry.contract;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** An ordinary client. */
final class MqttFarEnd implements FarEnd {
  private static final long WAIT_SECONDS = 60;

  private final Mqtt5BlockingClient client;
  private final Mqtt5BlockingClient.Mqtt5Publishes arrived;

  MqttFarEnd(int port, String clientId, LinkAuthority.Identity identity) {
    this.client =
        Mqtt5Client.builder()
            .identifier(clientId)
            .serverHost("127.0.0.1")
            .serverPort(port)
            .sslConfig(identity.config())
            .buildBlocking();
    this.arrived = client.publishes(MqttGlobalPublishFilter.ALL);
    client.connect();
  }

  @Override
  public void retain(String topic, String payload) {
    client
        .publishWith()
        .topic(topic)
        .qos(MqttQos.AT_LEAST_ONCE)
        .retain(true)
        .payload(payload.getBytes(StandardCharsets.UTF_8))
        .send();
  }

  @Override
  public void subscribe(String topic) {
    client.subscribeWith().topicFilter(topic).qos(MqttQos.AT_LEAST_ONCE).send();
  }

  @Override
  public byte[] next() throws InterruptedException {
    return arrived
        .receive(WAIT_SECONDS, TimeUnit.SECONDS)
        .orElseThrow(() -> new AssertionError("nothing arrived at the other end"))
        .getPayloadAsBytes();
  }

  @Override
  public void close() {
    arrived.close();
    client.disconnect();
  }
}
