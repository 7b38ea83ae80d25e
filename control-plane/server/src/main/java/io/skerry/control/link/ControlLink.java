package io.skerry.control.link;

import com.google.protobuf.ByteString;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.lifecycle.MqttClientDisconnectedContext;
import com.hivemq.client.mqtt.mqtt5.Mqtt5AsyncClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.Mqtt5Subscribe;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.Mqtt5Subscription;
import io.skerry.control.host.StartException;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.Topics;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane's own MQTT client: reads what all devices send, writes to any of them.
 *
 * <p>Messages wait in a bounded inbox until they are taken, and are acknowledged by whoever made
 * them safe; the broker holds back the rest. Thread-safe.
 */
@Singleton
public final class ControlLink implements AutoCloseable {
  /** Messages that may be unacknowledged at a time. */
  public static final int RECEIVE_MAXIMUM = 2000;

  private static final Logger log = LoggerFactory.getLogger(ControlLink.class);
  private static final CompletableFuture<Boolean> SUBSCRIBED =
      CompletableFuture.completedFuture(true);
  private static final long CALL_SECONDS = 10;
  private static final long RECONNECT_MILLIS = 200;
  private static final long RECONNECT_MILLIS_MAX = 10_000;

  private final ControlLogin login;
  private final ArrayBlockingQueue<InboundMessage> inbox =
      new ArrayBlockingQueue<>(2 * RECEIVE_MAXIMUM);
  private volatile @Nullable Mqtt5AsyncClient client;
  private volatile CompletableFuture<Boolean> subscribed = SUBSCRIBED;
  private volatile boolean ended;

  ControlLink(ControlLogin login) {
    this.login = login;
  }

  /**
   * Connects and subscribes to every device; reconnects by itself from then on.
   *
   * @throws StartException if the broker does not answer
   */
  public void connect(String host, int port) {
    Mqtt5AsyncClient made =
        Mqtt5Client.builder()
            .identifier(ControlLogin.NAME)
            .serverHost(host)
            .serverPort(port)
            .simpleAuth()
            .username(ControlLogin.NAME)
            .password(login.secret().getBytes(StandardCharsets.UTF_8))
            .applySimpleAuth()
            .addConnectedListener(context -> subscribe())
            .addDisconnectedListener(this::reconnect)
            .buildAsync();
    client = made;
    // Before the connection is up: what arrives before somebody listens is lost.
    made.publishes(MqttGlobalPublishFilter.ALL, this::receive, true);
    try {
      made.connectWith()
          .cleanStart(false)
          .sessionExpiryInterval(3600)
          .restrictions()
          .receiveMaximum(RECEIVE_MAXIMUM)
          .applyRestrictions()
          .send()
          .get(CALL_SECONDS, TimeUnit.SECONDS);
      if (!subscribed.get(CALL_SECONDS, TimeUnit.SECONDS)) {
        throw new StartException("the broker refused the subscription to the devices");
      }
    } catch (ExecutionException | TimeoutException e) {
      throw new StartException(
          "the broker at %s:%d does not answer: %s".formatted(host, port, e.getMessage()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartException("connecting to the broker was interrupted", e);
    }
  }

  // After every connect, also to a session that the broker still has: it costs nothing and is
  // right.
  private void subscribe() {
    Mqtt5AsyncClient connected = client;
    if (connected == null) {
      return;
    }
    List<Mqtt5Subscription> filters = new ArrayList<>();
    filters.add(filter(Topics.REPORTED));
    filters.add(filter(Topics.STATUS));
    for (RecordStream stream : RecordStream.values()) {
      filters.add(filter(stream.wireName()));
    }
    subscribed =
        connected
            .subscribe(Mqtt5Subscribe.builder().addSubscriptions(filters).build())
            .orTimeout(CALL_SECONDS, TimeUnit.SECONDS)
            .handle((acknowledged, failure) -> failure == null)
            .thenCompose(done -> done ? SUBSCRIBED : startOver(connected));
  }

  // Deaf is worse than gone: the reconnect subscribes again.
  private static CompletableFuture<Boolean> startOver(Mqtt5AsyncClient connected) {
    log.error("subscribing to the devices failed");
    return connected.disconnect().handle((left, failure) -> false);
  }

  private static Mqtt5Subscription filter(String kind) {
    return Mqtt5Subscription.builder()
        .topicFilter(Topics.everyDevice(kind))
        .qos(MqttQos.AT_LEAST_ONCE)
        .build();
  }

  private void reconnect(MqttClientDisconnectedContext context) {
    if (ended) {
      return;
    }
    int attempt = Math.min(context.getReconnector().getAttempts(), 10);
    long longest = Math.min(RECONNECT_MILLIS_MAX, RECONNECT_MILLIS << attempt);
    context
        .getReconnector()
        .reconnect(true)
        .resubscribeIfSessionExpired(false)
        .delay(ThreadLocalRandom.current().nextLong(longest), TimeUnit.MILLISECONDS);
    log.atWarn().addKeyValue("cause", context.getCause()).log("lost the broker, reconnecting");
  }

  private void receive(Mqtt5Publish publish) {
    Topics.DeviceTopic topic = Topics.parse(publish.getTopic().toString()).orElse(null);
    if (topic == null) {
      publish.acknowledge();
      return;
    }
    ByteString payload = publish.getPayload().map(ByteString::copyFrom).orElse(ByteString.EMPTY);
    // Full only when somebody sends without acknowledgements: then it is theirs to lose.
    if (!inbox.offer(new InboundMessage(topic, payload, publish::acknowledge))) {
      publish.acknowledge();
    }
  }

  /**
   * Waits for a message, then collects what comes within the time.
   *
   * @return 1 to {@code limit} messages, or none when none came within a second
   */
  public List<InboundMessage> take(int limit, Duration within) throws InterruptedException {
    InboundMessage first = inbox.poll(1, TimeUnit.SECONDS);
    if (first == null) {
      return List.of();
    }
    List<InboundMessage> taken = new ArrayList<>();
    taken.add(first);
    long end = System.nanoTime() + within.toNanos();
    while (taken.size() < limit) {
      inbox.drainTo(taken, limit - taken.size());
      if (taken.size() >= limit) {
        break;
      }
      InboundMessage next = inbox.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (next == null) {
        break;
      }
      taken.add(next);
    }
    return taken;
  }

  /** Publishes with QoS 1; fails at once while there is no connection, and after a timeout. */
  public CompletableFuture<Void> publish(String topic, byte[] payload, boolean retained) {
    Mqtt5AsyncClient connected = client;
    if (connected == null || !connected.getState().isConnected()) {
      return CompletableFuture.failedFuture(
          new IllegalStateException("no connection to the broker"));
    }
    return connected
        .publish(
            Mqtt5Publish.builder()
                .topic(topic)
                .qos(MqttQos.AT_LEAST_ONCE)
                .retain(retained)
                .payload(payload)
                .build())
        .orTimeout(CALL_SECONDS, TimeUnit.SECONDS)
        .thenAccept(
            result ->
                result
                    .getError()
                    .ifPresent(
                        error -> {
                          throw new IllegalStateException("publishing failed", error);
                        }));
  }

  @Override
  public void close() {
    ended = true;
    Mqtt5AsyncClient connected = client;
    client = null;
    if (connected != null && connected.getState().isConnected()) {
      try {
        connected.disconnect().get(CALL_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        log.atDebug().setCause(e).log("the broker did not see us leave");
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
