package io.skerry.control.link;

import com.google.protobuf.ByteString;
import com.hivemq.client.mqtt.MqttClientSslConfig;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.lifecycle.MqttClientDisconnectedContext;
import com.hivemq.client.mqtt.lifecycle.MqttClientReconnector;
import com.hivemq.client.mqtt.mqtt5.Mqtt5AsyncClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5Client;
import com.hivemq.client.mqtt.mqtt5.lifecycle.Mqtt5ClientConnectedContext;
import com.hivemq.client.mqtt.mqtt5.message.connect.Mqtt5Connect;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.Mqtt5Subscribe;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.Mqtt5Subscription;
import io.skerry.control.ca.ServerTls;
import io.skerry.control.device.Presence;
import io.skerry.control.host.StartException;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.Topics;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane's own MQTT client: reads what all devices send, writes to any of them.
 *
 * <p>Messages wait in a bounded inbox until they are taken, and are acknowledged by whoever made
 * them safe; the broker holds back the rest, and sends what was not acknowledged again on the next
 * connection. Thread-safe.
 */
@Singleton
public final class ControlLink implements AutoCloseable {
  /** The control plane's client id; no device has a name without a slash. */
  public static final String NAME = ServerTls.CONTROL_NAME;

  /** Messages that may be unacknowledged at a time. */
  public static final int RECEIVE_MAXIMUM = 2000;

  /** Published messages that may be unacknowledged at a time; more fail at once. */
  public static final int OUTBOX_MAX = 4000;

  private static final Logger log = LoggerFactory.getLogger(ControlLink.class);
  private static final CompletableFuture<Boolean> SUBSCRIBED =
      CompletableFuture.completedFuture(true);
  private static final List<String> PROTOCOLS = List.of("TLSv1.3", "TLSv1.2");
  private static final Duration SESSION = Duration.ofHours(1);
  private static final int START_CALLS = 3;
  private static final Duration CALL_WAIT = Duration.ofSeconds(10);

  private final MqttClientSslConfig tls;
  private final Duration callWait;
  private final Duration session;
  private final Runnable forgotten;
  private final ArrayBlockingQueue<InboundMessage> inbox =
      new ArrayBlockingQueue<>(2 * RECEIVE_MAXIMUM);
  private final AtomicInteger connectionsEnded = new AtomicInteger();
  private volatile Semaphore outbox = new Semaphore(OUTBOX_MAX);
  private volatile @Nullable Mqtt5AsyncClient client;
  private volatile CompletableFuture<Boolean> subscribed = SUBSCRIBED;
  private volatile ReconnectMachine reconnects = ReconnectMachine.START;
  private volatile boolean hadSession;
  private volatile boolean outdated;
  private volatile long goneSince;
  private volatile boolean isForgotten;
  private volatile boolean listening;
  private volatile boolean ended;
  private volatile @Nullable LinkLease lease;

  @Inject
  ControlLink(ServerTls tls, Presence presence) {
    this(
        MqttClientSslConfig.builder()
            .keyManagerFactory(tls.controlKeys())
            .trustManagerFactory(tls.trust())
            .protocols(PROTOCOLS)
            .build(),
        CALL_WAIT,
        presence::forgetAll);
  }

  /**
   * A link.
   *
   * @param forgotten told on a thread of its own when a broker has lost the session, before it is
   *     asked for anything: what it told of the devices until then may no longer be so
   */
  ControlLink(MqttClientSslConfig tls, Duration callWait, Runnable forgotten) {
    this(tls, callWait, SESSION, forgotten);
  }

  ControlLink(MqttClientSslConfig tls, Duration callWait, Duration session, Runnable forgotten) {
    this.tls = tls;
    this.callWait = callWait;
    this.session = session;
    this.forgotten = forgotten;
  }

  /**
   * Connects and subscribes to every device; reconnects by itself from then on.
   *
   * @throws StartException if the broker does not answer
   */
  public void connect(String host, int port) {
    long waitMillis = START_CALLS * callWait.toMillis();
    CompletableFuture<Mqtt5ConnAck> connected = begin(host, port);
    try {
      connected.get(waitMillis, TimeUnit.MILLISECONDS);
      if (!subscribed.get(waitMillis, TimeUnit.MILLISECONDS)) {
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

  /**
   * The same without waiting: a broker that is not there yet is asked until it is, and only while
   * this server holds the lease.
   */
  public void keepConnecting(String host, int port, LinkLease shared) {
    lease = shared;
    CompletableFuture<Boolean> turn = shared.next();
    shared.begin(this::isListening, this::leave);
    subscribed = turn.thenCompose(mine -> beginTurn(host, port));
  }

  private CompletableFuture<Boolean> beginTurn(String host, int port) {
    // What the turn before met says nothing about this one.
    reconnects = ReconnectMachine.START;
    LinkLease shared = lease;
    if (shared != null) {
      shared.trying();
    }
    CompletableFuture<Mqtt5ConnAck> connected = begin(host, port);
    Mqtt5AsyncClient mine = client;
    return connected.handle(
        (acknowledged, failure) -> {
          if (failure != null && !ended && client == mine) {
            log.atError()
                .setCause(failure)
                .addKeyValue("broker", host + ":" + port)
                .log("connecting given up");
          }
          return failure == null;
        });
  }

  private CompletableFuture<Mqtt5ConnAck> begin(String host, int port) {
    Mqtt5AsyncClient made =
        Mqtt5Client.builder()
            .identifier(NAME)
            .serverHost(host)
            .serverPort(port)
            .sslConfig(tls)
            .transportConfig()
            .mqttConnectTimeout(callWait.toMillis(), TimeUnit.MILLISECONDS)
            .socketConnectTimeout(callWait.toMillis(), TimeUnit.MILLISECONDS)
            .applyTransportConfig()
            .addConnectedListener(context -> connected((Mqtt5ClientConnectedContext) context))
            .addDisconnectedListener(context -> reconnect(context, host, port))
            .buildAsync();
    outdated = false;
    goneSince = System.nanoTime();
    hadSession = false;
    outbox = new Semaphore(OUTBOX_MAX);
    client = made;
    // Before the connection is up: what arrives before somebody listens is lost.
    listen(made);
    return made.connect(
        Mqtt5Connect.builder()
            .cleanStart(false)
            .sessionExpiryInterval(session.toSeconds())
            .restrictions()
            .receiveMaximum(RECEIVE_MAXIMUM)
            .applyRestrictions()
            .build());
  }

  // It comes back when the lease does, as another client: this one would send its old orders after
  // the other server's, and has dropped who listened when its own session has run out meanwhile.
  private void leave() {
    outdated = true;
    Mqtt5AsyncClient connected = client;
    if (connected != null && connected.getState().isConnected()) {
      subscribed = startOver(connected);
    }
  }

  /** Whether every device can be heard now: the broker is there, and sends what they say. */
  public boolean isListening() {
    Mqtt5AsyncClient connected = client;
    return listening && connected != null && connected.getState().isConnected();
  }

  /**
   * How many connections have ended: one that is made later may be to a broker that knows nothing.
   */
  int connectionsEnded() {
    return connectionsEnded.get();
  }

  private void listen(Mqtt5AsyncClient made) {
    made.publishes(MqttGlobalPublishFilter.ALL, this::receive, true);
  }

  private void connected(Mqtt5ClientConnectedContext context) {
    reconnects = reconnects.connected(System.nanoTime());
    Mqtt5AsyncClient connected = client;
    if (connected == null) {
      return;
    }
    if (outdated) {
      subscribed = startOver(connected);
      return;
    }
    if (!context.getConnAck().isSessionPresent()) {
      isForgotten = true;
      if (hadSession) {
        // With the session the client has dropped who listened: a broker that came back empty would
        // never be heard again.
        listen(connected);
      }
    }
    hadSession = true;
    subscribed =
        forgotten()
            .thenCompose(
                done -> done ? subscribe(connected) : CompletableFuture.completedFuture(false))
            .thenCompose(done -> done ? SUBSCRIBED : startOver(connected));
  }

  // Births and deaths that nobody keeps any more will not be told. Until that is stored nothing may
  // be heard, or a birth would be forgotten with the rest; it waits for the database, so not here.
  private CompletableFuture<Boolean> forgotten() {
    if (!isForgotten) {
      return SUBSCRIBED;
    }
    return CompletableFuture.runAsync(forgotten, Thread::startVirtualThread)
        .handle(
            (stored, failure) -> {
              if (failure != null) {
                log.atError().setCause(failure).log("a broker's lost session was not stored");
                return false;
              }
              isForgotten = false;
              return true;
            });
  }

  // After every connect, also to a session that the broker still has: it costs nothing and is
  // right.
  private CompletableFuture<Boolean> subscribe(Mqtt5AsyncClient connected) {
    List<Mqtt5Subscription> filters = new ArrayList<>();
    filters.add(filter(Topics.REPORTED));
    filters.add(filter(Topics.STATUS));
    for (RecordStream stream : RecordStream.values()) {
      filters.add(filter(stream.wireName()));
    }
    return connected
        .subscribe(Mqtt5Subscribe.builder().addSubscriptions(filters).build())
        .orTimeout(callWait.toMillis(), TimeUnit.MILLISECONDS)
        .handle(
            (acknowledged, failure) -> {
              if (failure != null) {
                log.atError().setCause(failure).log("subscribing to the devices failed");
                return false;
              }
              listening = true;
              return true;
            });
  }

  // Deaf is worse than gone: the reconnect subscribes again.
  private CompletableFuture<Boolean> startOver(Mqtt5AsyncClient connected) {
    return connected
        .disconnect()
        .orTimeout(callWait.toMillis(), TimeUnit.MILLISECONDS)
        .handle((left, failure) -> false);
  }

  private static Mqtt5Subscription filter(String kind) {
    return Mqtt5Subscription.builder()
        .topicFilter(Topics.everyDevice(kind))
        .qos(MqttQos.AT_LEAST_ONCE)
        .build();
  }

  private void reconnect(MqttClientDisconnectedContext context, String host, int port) {
    if (listening) {
      goneSince = System.nanoTime();
    }
    listening = false;
    if (ended) {
      return;
    }
    connectionsEnded.incrementAndGet();
    drop();
    ReconnectMachine lost = reconnects.lost(System.nanoTime());
    reconnects = lost;
    LinkLease shared = lease;
    Duration longest = shared == null ? ReconnectMachine.LONGEST : LinkLease.PAUSE_MAX;
    Duration pause = lost.pause(longest, ThreadLocalRandom.current().nextDouble());
    MqttClientReconnector again =
        context.getReconnector().reconnect(true).resubscribeIfSessionExpired(false);
    if (shared == null) {
      again.delay(pause.toMillis(), TimeUnit.MILLISECONDS);
    } else {
      // The lease is asked after the pause: it may be lost in it.
      again.reconnectWhen(
          CompletableFuture.runAsync(
                  () -> {},
                  CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS))
              .thenCompose(paused -> shared.next()),
          (mine, failure) -> {
            if (ended) {
              again.reconnect(false);
            } else if (outdated || System.nanoTime() - goneSince > session.toNanos()) {
              subscribed = beginTurn(host, port);
              again.reconnect(false);
            }
          });
    }
    log.atWarn()
        .addKeyValue("cause", String.valueOf(context.getCause()))
        .addKeyValue("failures", lost.failures())
        .addKeyValue("pauseMillis", pause.toMillis())
        .log("no connection to the broker, trying again");
  }

  // The broker sends again what waited. The client forgets none by itself, and passes on no
  // acknowledgement before those of all earlier messages; these ones it keeps to itself, because
  // their connection is gone.
  private void drop() {
    for (InboundMessage waiting = inbox.poll(); waiting != null; waiting = inbox.poll()) {
      waiting.acknowledge().run();
    }
  }

  private void receive(Mqtt5Publish publish) {
    Topics.DeviceTopic topic = Topics.parse(publish.getTopic().toString()).orElse(null);
    if (topic == null) {
      publish.acknowledge();
      return;
    }
    ByteString payload = publish.getPayload().map(ByteString::copyFrom).orElse(ByteString.EMPTY);
    // Full only when somebody sends without acknowledgements: then it is theirs to lose.
    int before = connectionsEnded.get();
    if (!inbox.offer(
        new InboundMessage(
            topic, payload, () -> connectionsEnded.get() != before, publish::acknowledge))) {
      publish.acknowledge();
    }
  }

  /** How many messages wait to be taken. */
  int waiting() {
    return inbox.size();
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

  /**
   * Publishes with QoS 1; fails at once while there is no connection or {@link #OUTBOX_MAX} wait
   * for their acknowledgement, and after a timeout.
   */
  public CompletableFuture<Void> publish(String topic, byte[] payload, boolean retained) {
    Mqtt5AsyncClient connected = client;
    if (connected == null || !connected.getState().isConnected()) {
      return CompletableFuture.failedFuture(
          new IllegalStateException("no connection to the broker"));
    }
    Semaphore room = outbox;
    if (!room.tryAcquire()) {
      return CompletableFuture.failedFuture(
          new IllegalStateException(
              "%d messages wait for the broker's acknowledgement".formatted(OUTBOX_MAX)));
    }
    return connected
        .publish(
            Mqtt5Publish.builder()
                .topic(topic)
                .qos(MqttQos.AT_LEAST_ONCE)
                .retain(retained)
                .payload(payload)
                .build())
        // Not at the timeout: until then the client holds the message.
        .whenComplete((result, failure) -> room.release())
        .thenAccept(
            result ->
                result
                    .getError()
                    .ifPresent(
                        error -> {
                          throw new IllegalStateException("publishing failed", error);
                        }))
        .orTimeout(callWait.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    ended = true;
    LinkLease shared = lease;
    if (shared != null) {
      shared.close();
    }
    Mqtt5AsyncClient connected = client;
    client = null;
    if (connected == null) {
      return;
    }
    try {
      connected.disconnect().get(callWait.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      log.atDebug().setCause(e).log("the broker did not see us leave");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
