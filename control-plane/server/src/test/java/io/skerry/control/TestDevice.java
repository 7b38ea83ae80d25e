package io.skerry.control;

import com.google.gson.JsonParser;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5PubAckException;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.suback.Mqtt5SubAckReasonCode;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A device as a plain MQTT 5 client. */
public final class TestDevice implements AutoCloseable {
  private static final TenantId TENANT = new TenantId("default");

  private final DeviceId id;
  private final Mqtt5BlockingClient client;
  private final BlockingQueue<Mqtt5Publish> received = new LinkedBlockingQueue<>();

  private TestDevice(TestControlPlane plane, EnrolledDevice identity, DeviceId id) {
    this.id = id;
    this.client =
        Mqtt5Client.builder()
            .identifier(TENANT + "/" + id)
            .serverHost("127.0.0.1")
            .serverPort(plane.mqttPort())
            .sslConfig(identity.mqttTls())
            .buildBlocking();
  }

  /** Enrols a device; it is not connected yet. */
  public static TestDevice enrolled(TestControlPlane plane, String name) {
    return of(plane, EnrolledDevice.enrol(plane, name), name);
  }

  /** A device that connects under any name. */
  public static TestDevice of(TestControlPlane plane, EnrolledDevice identity, String name) {
    return new TestDevice(plane, identity, new DeviceId(name));
  }

  /** The secret of a new token for one device. */
  public static String tokenSecret(TestControlPlane plane) {
    return secretOf(
        JsonParser.parseString(plane.post("/v1/enrolment-tokens", "{\"uses\":1}").body())
            .getAsJsonObject()
            .get("token")
            .getAsString());
  }

  /** The secret inside a token. */
  public static String secretOf(String token) {
    String json =
        new String(
            java.util.Base64.getUrlDecoder().decode(token.substring("skerry1.".length())),
            StandardCharsets.UTF_8);
    return JsonParser.parseString(json).getAsJsonObject().get("secret").getAsString();
  }

  /** Its name. */
  public DeviceId id() {
    return id;
  }

  /** Connects and subscribes to what devices read. */
  public TestDevice connect() {
    client.toAsync().publishes(com.hivemq.client.mqtt.MqttGlobalPublishFilter.ALL, received::add);
    client.connect();
    subscribe(Topics.device(TENANT, id, Topics.DESIRED));
    subscribe(Topics.device(TENANT, id, Topics.COMMITTED));
    return this;
  }

  /** Subscribes and tells the broker's answer. */
  public Mqtt5SubAckReasonCode subscribe(String filter) {
    try {
      return client
          .subscribeWith()
          .topicFilter(filter)
          .qos(MqttQos.AT_LEAST_ONCE)
          .send()
          .getReasonCodes()
          .getFirst();
    } catch (com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5SubAckException e) {
      return e.getMqttMessage().getReasonCodes().getFirst();
    }
  }

  /** Publishes on one of its own topics; the reason when the broker refused. */
  public Optional<String> publish(String kind, byte[] payload, boolean retained) {
    return publishOn(Topics.device(TENANT, id, kind), payload, retained);
  }

  /** Publishes on any topic; the reason when the broker refused, which also ends the connection. */
  public Optional<String> publishOn(String topic, byte[] payload, boolean retained) {
    try {
      client
          .publishWith()
          .topic(topic)
          .qos(MqttQos.AT_LEAST_ONCE)
          .retain(retained)
          .payload(payload)
          .send();
      return Optional.empty();
    } catch (Mqtt5PubAckException e) {
      return Optional.of(
          e.getMqttMessage().getReasonCode().name().toLowerCase(Locale.ROOT)
              + ": "
              + e.getMqttMessage().getReasonString().map(Object::toString).orElse(""));
    }
  }

  /** Publishes records. */
  public void send(String stream, RecordBatch batch) {
    publish(stream, batch.toByteArray(), false)
        .ifPresent(
            refusal -> {
              throw new IllegalStateException(refusal);
            });
  }

  /** The next committed ranges. */
  public List<CommittedRange> committed() throws InterruptedException, MalformedDocumentException {
    return ProtocolCodec.decodeCommitted(next(Topics.COMMITTED).getPayloadAsBytes());
  }

  /** The next message of a kind; others are passed over. */
  public Mqtt5Publish next(String kind) throws InterruptedException {
    while (true) {
      Mqtt5Publish message = received.poll(20, TimeUnit.SECONDS);
      if (message == null) {
        throw new IllegalStateException("nothing came on " + kind + " for 20 s");
      }
      if (message.getTopic().toString().endsWith("/" + kind)) {
        return message;
      }
    }
  }

  @Override
  public void close() {
    if (client.getState().isConnected()) {
      // The broker may be closing the connection itself just now.
      client.toAsync().disconnect().handle((left, failure) -> true).join();
    }
  }
}
