package io.skerry.agent.uplink;

import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.eclipse.paho.mqttv5.client.IMqttToken;
import org.eclipse.paho.mqttv5.client.MqttAsyncClient;
import org.eclipse.paho.mqttv5.client.MqttCallback;
import org.eclipse.paho.mqttv5.client.MqttConnectionOptions;
import org.eclipse.paho.mqttv5.client.MqttDisconnectResponse;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.eclipse.paho.mqttv5.common.MqttMessage;
import org.eclipse.paho.mqttv5.common.packet.MqttProperties;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The link over Eclipse Paho, used so that its known faults cannot bite: a fresh client for every
 * attempt, nothing persisted by it, its own reconnect off, every token waited for with a limit, and
 * nothing called from its callbacks.
 */
public final class PahoLink implements DeviceLink {
  private static final Logger log = LoggerFactory.getLogger(PahoLink.class);

  private static final Duration STEP_PATIENCE = Duration.ofSeconds(10);
  private static final int KEEP_ALIVE_SECONDS = 30;
  // Paho reads the broker's limit as a signed short; ours stays far below that as well.
  private static final int RECEIVE_MAX = 16;
  private static final long PACKET_BYTES_MAX = 512 * 1024;
  private static final int INBOX_MAX = 1024;
  private static final int AT_LEAST_ONCE = 1;

  private final LinkConfig config;
  private final InstantSource clock;
  private final Executor executor;
  private final Backoff backoff;
  private final BlockingQueue<Inbound> inbox = new LinkedBlockingQueue<>(INBOX_MAX);
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile State state = State.WAITING;
  private boolean failing;
  private volatile @Nullable MqttAsyncClient client;

  private sealed interface Inbound {
    record Message(String topic, MqttMessage message) implements Inbound {}

    record Lost(MqttAsyncClient of, String reason) implements Inbound {}
  }

  /**
   * Makes a link that is not started.
   *
   * @param executor runs one task for as long as the link is open
   */
  public PahoLink(
      LinkConfig config, InstantSource clock, RandomGenerator random, Executor executor) {
    this.config = config;
    this.clock = clock;
    this.executor = executor;
    this.backoff = new Backoff(config.reconnectBase(), config.reconnectMax(), random);
  }

  @Override
  public void start(Listener listener) {
    executor.execute(() -> keepConnected(listener));
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public void publish(String topic, byte[] payload) throws LinkException {
    MqttAsyncClient current = client;
    if (current == null || state != State.CONNECTED) {
      throw new LinkException("not connected to " + config.host() + ":" + config.port());
    }
    try {
      publish(current, topic, payload, false);
    } catch (MqttException e) {
      throw new LinkException("cannot publish on " + topic + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    closed.countDown();
    state = State.CLOSED;
    MqttAsyncClient current = client;
    client = null;
    if (current != null) {
      try {
        publish(current, statusTopic(), status(false), true);
      } catch (MqttException e) {
        log.atDebug().setCause(e).log("farewell not sent");
      }
      discard(current);
    }
  }

  private void keepConnected(Listener listener) {
    while (!isClosed()) {
      Instant since = clock.instant();
      try {
        attempt(listener);
      } catch (MqttException e) {
        tellOnce(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        log.atWarn().addKeyValue("device", config.login()).setCause(e).log("link failed");
      }
      backoff.ended(since, clock.instant());
      enter(State.WAITING);
      try {
        if (closed.await(backoff.next().toMillis(), TimeUnit.MILLISECONDS)) {
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  // A fleet without its control plane must not fill disks with the same line.
  private void tellOnce(MqttException cause) {
    log.atLevel(failing ? Level.DEBUG : Level.INFO)
        .addKeyValue("device", config.login())
        .addKeyValue("reason", cause.getReasonCode())
        .addKeyValue("cause", String.valueOf(cause.getMessage()))
        .log("link down");
    failing = true;
  }

  private void attempt(Listener listener) throws MqttException, InterruptedException {
    enter(State.CONNECTING);
    MqttAsyncClient fresh =
        new MqttAsyncClient(
            "tcp://" + config.host() + ":" + config.port(),
            config.login(),
            new MemoryPersistence());
    try {
      fresh.setCallback(new Queueing(fresh));
      waitFor(fresh.connect(options()));
      waitFor(fresh.subscribe(subscriptions(), new int[] {1, 1, 1}));
      publish(fresh, statusTopic(), status(true), true);
      client = fresh;
      enter(State.CONNECTED);
      failing = false;
      log.atInfo().addKeyValue("device", config.login()).log("link up");
      tell(listener::connected);
      deliver(fresh, listener);
    } finally {
      client = null;
      discard(fresh);
    }
  }

  private void deliver(MqttAsyncClient current, Listener listener) throws InterruptedException {
    while (!isClosed()) {
      @Nullable Inbound next = inbox.poll(1, TimeUnit.SECONDS);
      switch (next) {
        case null -> {
          if (!current.isConnected()) {
            return;
          }
        }
        case Inbound.Message(String topic, MqttMessage message) ->
            tell(() -> listener.received(topic, message.getPayload()));
        case Inbound.Lost(MqttAsyncClient of, String reason) -> {
          if (of == current) {
            log.atInfo()
                .addKeyValue("device", config.login())
                .addKeyValue("reason", reason)
                .log("link lost");
            return;
          }
        }
      }
    }
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  private void enter(State next) {
    if (!isClosed()) {
      state = next;
    }
  }

  private static void tell(Runnable notification) {
    try {
      notification.run();
    } catch (RuntimeException e) {
      log.atWarn().setCause(e).log("link listener failed");
    }
  }

  private MqttConnectionOptions options() {
    MqttConnectionOptions options = new MqttConnectionOptions();
    options.setCleanStart(true);
    options.setSessionExpiryInterval(0L);
    options.setAutomaticReconnect(false);
    options.setConnectionTimeout((int) STEP_PATIENCE.toSeconds());
    options.setKeepAliveInterval(KEEP_ALIVE_SECONDS);
    options.setReceiveMaximum(RECEIVE_MAX);
    options.setMaximumPacketSize(PACKET_BYTES_MAX);
    options.setUserName(config.login());
    options.setPassword(config.secret().getBytes(StandardCharsets.UTF_8));
    options.setWill(statusTopic(), message(status(false), true));
    return options;
  }

  private String[] subscriptions() {
    return new String[] {
      Topics.device(config.tenant(), config.device(), Topics.DESIRED),
      Topics.device(config.tenant(), config.device(), Topics.COMMITTED),
      Topics.controlState(config.tenant())
    };
  }

  private String statusTopic() {
    return Topics.device(config.tenant(), config.device(), Topics.STATUS);
  }

  private byte[] status(boolean online) {
    return ProtocolCodec.encode(new DeviceStatus(online, config.bootEpoch(), clock.instant(), ""));
  }

  private static void publish(
      MqttAsyncClient client, String topic, byte[] payload, boolean retained) throws MqttException {
    waitFor(client.publish(topic, message(payload, retained)));
  }

  private static MqttMessage message(byte[] payload, boolean retained) {
    MqttMessage message = new MqttMessage(payload);
    message.setQos(AT_LEAST_ONCE);
    message.setRetained(retained);
    return message;
  }

  private static void waitFor(IMqttToken token) throws MqttException {
    token.waitForCompletion(STEP_PATIENCE.toMillis());
  }

  private static void discard(MqttAsyncClient client) {
    try {
      if (client.isConnected()) {
        client.disconnectForcibly(0, 100, true);
      }
    } catch (MqttException e) {
      log.atDebug().setCause(e).log("disconnect failed");
    }
    try {
      client.close(true);
    } catch (MqttException e) {
      log.atDebug().setCause(e).log("client close failed");
    }
  }

  /** Only queues: a call to the client from its own callback can lock it up. */
  private final class Queueing implements MqttCallback {
    private final MqttAsyncClient of;

    Queueing(MqttAsyncClient of) {
      this.of = of;
    }

    @Override
    public void disconnected(MqttDisconnectResponse response) {
      put(new Inbound.Lost(of, reason(response)));
    }

    private static String reason(MqttDisconnectResponse response) {
      MqttException cause = response.getException();
      return cause == null
          ? "disconnected by the broker: " + response.getReturnCode()
          : String.valueOf(cause.getMessage());
    }

    @Override
    public void mqttErrorOccurred(MqttException exception) {
      log.atDebug().setCause(exception).log("client error");
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
      put(new Inbound.Message(topic, message));
    }

    @Override
    public void deliveryComplete(IMqttToken token) {}

    @Override
    public void connectComplete(boolean reconnect, String serverUri) {}

    @Override
    public void authPacketArrived(int reasonCode, MqttProperties properties) {}

    // What does not fit is lost, and comes again: desired is retained, committed is repeated.
    private void put(Inbound inbound) {
      if (!inbox.offer(inbound)) {
        log.atWarn().addKeyValue("device", config.login()).log("inbox full, message dropped");
      }
    }
  }
}
