package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5DisconnectException;
import com.hivemq.client.mqtt.mqtt5.message.connect.Mqtt5ConnectBuilder;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A client of a real broker, over a line of its own. */
final class MqttPeer implements BrokerPeer {
  private static final long WAIT_SECONDS = 60;

  private final FaultyLine line;
  private final Mqtt5BlockingClient client;
  private final Mqtt5BlockingClient.Mqtt5Publishes arrived;
  private final CountDownLatch gone = new CountDownLatch(1);
  private final boolean sessionPresent;
  private volatile boolean thrownOff;

  MqttPeer(int broker, LinkAuthority authority, Wish wish) throws Exception {
    boolean control = wish.client().equals(Wish.CONTROL);
    LinkAuthority.Identity identity =
        control ? authority.control() : authority.device(wish.client());
    this.line = new FaultyLine(broker);
    this.client =
        Mqtt5Client.builder()
            .identifier(control ? wish.client() : "default/" + wish.client())
            .serverHost("127.0.0.1")
            .serverPort(line.port())
            .sslConfig(identity.config())
            .addDisconnectedListener(
                lost -> {
                  if (lost.getCause() instanceof Mqtt5DisconnectException told
                      && told.getMqttMessage().getReasonCode()
                          == Mqtt5DisconnectReasonCode.SESSION_TAKEN_OVER) {
                    thrownOff = true;
                  }
                  gone.countDown();
                })
            .buildBlocking();
    this.arrived = client.publishes(MqttGlobalPublishFilter.ALL, true);
    Mqtt5ConnectBuilder.Send<Mqtt5ConnAck> connect =
        client.connectWith().cleanStart(false).sessionExpiryInterval(wish.sessionSeconds());
    if (wish.will().isPresent()) {
      Will will = wish.will().get();
      connect =
          connect
              .willPublish()
              .topic(will.topic())
              .qos(MqttQos.AT_LEAST_ONCE)
              .payload(will.payload().getBytes(StandardCharsets.UTF_8))
              .retain(true)
              .delayInterval(will.delaySeconds())
              .applyWillPublish();
    }
    this.sessionPresent = connect.send().isSessionPresent();
  }

  @Override
  public boolean isSessionPresent() {
    return sessionPresent;
  }

  @Override
  public void subscribe(String filter) {
    client.subscribeWith().topicFilter(filter).qos(MqttQos.AT_LEAST_ONCE).send();
  }

  @Override
  public void publish(String topic, String payload, boolean retain) {
    client
        .publishWith()
        .topic(topic)
        .qos(MqttQos.AT_LEAST_ONCE)
        .retain(retain)
        .payload(payload.getBytes(StandardCharsets.UTF_8))
        .send();
  }

  @Override
  public String next() throws InterruptedException {
    Mqtt5Publish message = message();
    message.acknowledge();
    return text(message);
  }

  @Override
  public String leave() throws InterruptedException {
    return text(message());
  }

  private Mqtt5Publish message() throws InterruptedException {
    return arrived
        .receive(WAIT_SECONDS, TimeUnit.SECONDS)
        .orElseThrow(() -> new AssertionError("nothing arrived"));
  }

  private static String text(Mqtt5Publish message) {
    return new String(message.getPayloadAsBytes(), StandardCharsets.UTF_8);
  }

  @Override
  public void awaitGone() throws InterruptedException {
    assertThat(gone.await(WAIT_SECONDS, TimeUnit.SECONDS)).as("gone").isTrue();
  }

  @Override
  public boolean isThrownOff() {
    return thrownOff;
  }

  @Override
  public void cut() throws IOException, InterruptedException {
    line.cut();
    awaitGone();
  }

  @Override
  public void close() throws IOException {
    arrived.close();
    if (gone.getCount() > 0) {
      client.disconnect();
    }
    line.close();
  }
}
