package io.skerry.agent.uplink;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.ReentrantLock;
import org.eclipse.paho.mqttv5.client.IMqttToken;
import org.eclipse.paho.mqttv5.client.MqttAsyncClient;
import org.eclipse.paho.mqttv5.client.MqttCallback;
import org.eclipse.paho.mqttv5.client.MqttClientException;
import org.eclipse.paho.mqttv5.client.MqttConnectionOptions;
import org.eclipse.paho.mqttv5.client.MqttDisconnectResponse;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.eclipse.paho.mqttv5.common.MqttMessage;
import org.eclipse.paho.mqttv5.common.packet.MqttProperties;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt to connect and the connection that comes of it, with a Paho client of its own that
 * persists nothing, never reconnects, and is waited for with a limit. Its callbacks only put into
 * the inbox: a call to the client from its own callback can lock it up.
 */
final class PahoSession {
  /**
   * The largest packet that the broker may send. Paho takes it for the largest that it may send
   * itself, too: a batch of records must fit.
   */
  static final int PACKET_BYTES_MAX = 300_000;

  // Paho reads limits as signed shorts: ours stay far below, the broker's pass the guard.
  private static final int RECEIVE_MAX = 16;
  private static final int AT_LEAST_ONCE = 1;
  // One connects, one reads, one writes, one calls back.
  private static final int THREADS = 6;
  private static final int FAILURE = 0x80;
  private static final long FAREWELL_MILLIS = 500;
  private static final Logger log = LoggerFactory.getLogger(PahoSession.class);

  private final LinkConfig config;
  private final MqttAsyncClient client;
  private final Inbox inbox;
  private final ReentrantLock publishing = new ReentrantLock();
  private final Greeting greeting = new Greeting();
  private final Duration keepAlive;
  private final Pings pings;
  // Of this session alone, so that its end can end them all: Paho misses wake-ups of its own.
  private final ScheduledExecutorService threads =
      Executors.newScheduledThreadPool(
          THREADS, Thread.ofPlatform().name("mqtt").daemon().factory());

  PahoSession(LinkConfig config, Duration keepAlive, Inbox inbox) throws MqttException {
    this.config = config;
    this.keepAlive = keepAlive;
    this.inbox = inbox;
    this.pings = new Pings(config.timing().patience());
    this.client =
        new MqttAsyncClient(
            "tcp://" + config.host() + ":" + config.port(),
            config.login(),
            new MemoryPersistence(),
            pings,
            threads);
    client.setCallback(new Queueing(inbox));
  }

  /** Connects, subscribes and tells that the device is online. */
  void open(List<String> topics, String statusTopic, byte[] birth, byte[] death)
      throws MqttException {
    waitFor(client.connect(options(statusTopic, death)), "CONNECT");
    int[] qualities = new int[topics.size()];
    java.util.Arrays.fill(qualities, AT_LEAST_ONCE);
    // Also when the session was still known: retained messages come on SUBSCRIBE only.
    waitFor(client.subscribe(topics.toArray(String[]::new), qualities), "SUBSCRIBE");
    publish(statusTopic, birth, true);
  }

  private MqttConnectionOptions options(String statusTopic, byte[] death) {
    MqttConnectionOptions options = new MqttConnectionOptions();
    options.setCleanStart(false);
    options.setSessionExpiryInterval(config.timing().session().toSeconds());
    options.setAutomaticReconnect(false);
    options.setConnectionTimeout((int) Math.max(1, config.timing().patience().toSeconds()));
    options.setKeepAliveInterval((int) keepAlive.toSeconds());
    options.setReceiveMaximum(RECEIVE_MAX);
    options.setMaximumPacketSize((long) PACKET_BYTES_MAX);
    options.setWill(statusTopic, message(death, true));
    MqttProperties will = new MqttProperties();
    will.setWillDelayInterval(config.timing().willDelay().toSeconds());
    options.setWillMessageProperties(will);
    options.setSocketFactory(
        BrokerSocket.factory(config.newest().get(), config.host(), greeting, pings::heard));
    return options;
  }

  /**
   * Publishes and waits for the acknowledgement, one message at a time; an acknowledgement that
   * does not come ends the session.
   */
  void publish(String topic, byte[] payload, boolean retained) throws MqttException {
    publishing.lock();
    try {
      waitFor(client.publish(topic, message(payload, retained)), "PUBLISH");
    } catch (MqttException e) {
      if (e.getReasonCode() == MqttClientException.REASON_CODE_CLIENT_TIMEOUT) {
        inbox.lost(
            new Inbox.Loss(e.getReasonCode(), "no acknowledgement of a message on " + topic));
      }
      throw e;
    } finally {
      publishing.unlock();
    }
  }

  /** Whether the connection stands; keeps it alive, so it has to be asked every second or so. */
  boolean isConnected() {
    pings.tick();
    if (pings.isUnanswered()) {
      inbox.lost(
          new Inbox.Loss(
              MqttClientException.REASON_CODE_CLIENT_TIMEOUT, "no answer to a ping: a dead line"));
    }
    return client.isConnected();
  }

  /** How it ends, if now it does. */
  Quiet.End ends(boolean lost) {
    return new Quiet.End(lost, pings.unheard().minus(config.timing().patience()), pings.hasHeld());
  }

  /** Leaves with the broker told, so that the will is not published. */
  void leave() {
    end(true);
  }

  /** Ends whatever state it is in; the broker publishes the will if nobody comes back. */
  void discard() {
    end(false);
  }

  private void end(boolean told) {
    try {
      greeting.end();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      // Also while it still connects: close alone would leave its threads waiting.
      client.disconnectForcibly(0, FAREWELL_MILLIS, told);
    } catch (MqttException | RuntimeException e) {
      log.atDebug().setCause(e).log("disconnect failed");
    }
    try {
      client.close(true);
    } catch (MqttException | RuntimeException e) {
      log.atDebug().setCause(e).log("client close failed");
    }
    threads.shutdownNow();
  }

  private static MqttMessage message(byte[] payload, boolean retained) {
    MqttMessage message = new MqttMessage(payload);
    message.setQos(AT_LEAST_ONCE);
    message.setRetained(retained);
    return message;
  }

  // Paho takes an acknowledgement that says no for a yes.
  private void waitFor(IMqttToken token, String what) throws MqttException {
    token.waitForCompletion(config.timing().patience().toMillis());
    int[] codes = Optional.ofNullable(token.getReasonCodes()).orElse(new int[0]);
    for (int code : codes) {
      if (code >= FAILURE) {
        throw new MqttException(code, new Throwable("the broker refused the " + what));
      }
    }
  }

  /** Only queues. */
  private record Queueing(Inbox inbox) implements MqttCallback {
    @Override
    public void disconnected(MqttDisconnectResponse response) {
      MqttException cause = response.getException();
      inbox.lost(
          cause == null
              ? new Inbox.Loss(
                  response.getReturnCode(),
                  "disconnected by the broker: 0x%02x".formatted(response.getReturnCode()))
              : new Inbox.Loss(cause.getReasonCode(), String.valueOf(cause.getMessage())));
    }

    @Override
    public void mqttErrorOccurred(MqttException exception) {
      log.atDebug().setCause(exception).log("client error");
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
      inbox.put(topic, message.getPayload());
    }

    @Override
    public void deliveryComplete(IMqttToken token) {}

    @Override
    public void connectComplete(boolean reconnect, String serverUri) {}

    @Override
    public void authPacketArrived(int reasonCode, MqttProperties properties) {}
  }
}
