package io.skerry.agent.uplink;

import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.eclipse.paho.mqttv5.client.MqttClientException;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The link over Eclipse Paho, used so that its known faults cannot bite: see {@link PahoSession}.
 *
 * <p>A broker that is too busy is left alone for long, and so is one on which another client took
 * over the session. A server reference is not followed: the device trusts only what its enrolment
 * named.
 */
public final class PahoLink implements DeviceLink {
  private static final Logger log = LoggerFactory.getLogger(PahoLink.class);

  private static final int TAKEN_OVER = 0x8E;
  // Unavailable, busy, quota exceeded, use another server, server moved, connection rate exceeded.
  private static final Set<Integer> CROWDED = Set.of(0x88, 0x89, 0x97, 0x9C, 0x9D, 0x9F);
  // The line is dead, or was closed without a word of MQTT.
  private static final Set<Integer> LOST =
      Set.of(
          (int) MqttClientException.REASON_CODE_CLIENT_TIMEOUT,
          (int) MqttClientException.REASON_CODE_WRITE_TIMEOUT,
          (int) MqttClientException.REASON_CODE_CONNECTION_LOST);
  private static final long LOOK_MILLIS = 1000;
  // Brokers differ in how exact their TLS alert is.
  private static final Pattern CERTIFICATE_REFUSED =
      Pattern.compile("Received fatal alert: (\\w*certificate\\w*|unknown_ca)");

  private final LinkConfig config;
  private final InstantSource clock;
  private final Executor executor;
  private final Backoff backoff;
  private final String statusTopic;
  private final List<String> topics;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile State state = State.WAITING;
  private volatile @Nullable PahoSession session;
  private final Quiet quiet;
  private boolean failing;

  /** Why an attempt ended. */
  private record Ended(int reasonCode, Duration stood) {}

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
    this.backoff = new Backoff(config.timing(), random);
    this.quiet = new Quiet(config.keepAlive(), System::nanoTime);
    this.statusTopic = Topics.device(config.tenant(), config.device(), Topics.STATUS);
    this.topics =
        List.of(
            Topics.device(config.tenant(), config.device(), Topics.DESIRED),
            Topics.device(config.tenant(), config.device(), Topics.COMMITTED),
            Topics.controlState(config.tenant()));
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
    PahoSession current = session;
    if (current == null || state != State.CONNECTED) {
      throw new LinkException("not connected to " + config.host() + ":" + config.port());
    }
    try {
      current.publish(topic, payload, false);
    } catch (MqttException e) {
      throw new LinkException("cannot publish on " + topic + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    boolean connected;
    PahoSession current;
    synchronized (this) {
      connected = state == State.CONNECTED;
      closed.countDown();
      state = State.CLOSED;
      current = session;
    }
    if (current == null) {
      return;
    }
    if (connected) {
      try {
        current.publish(statusTopic, status(false), true);
      } catch (MqttException e) {
        log.atDebug().setCause(e).log("farewell not sent");
      }
    }
    current.leave();
  }

  private void keepConnected(Listener listener) {
    while (!isClosed()) {
      try {
        Ended ended = attempt(listener);
        backoff.ended(ended.stood());
        if (waits(ended.reasonCode(), listener)) {
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Whether the link was closed meanwhile. */
  private boolean waits(int reasonCode, Listener listener) throws InterruptedException {
    Duration wait;
    if (reasonCode == TAKEN_OVER) {
      wait = backoff.afterTakeover();
      enter(State.TAKEN_OVER);
      log.atError()
          .addKeyValue("device", config.login())
          .addKeyValue("waitSeconds", wait.toSeconds())
          .log("another client took over this device's session: is its identity on two machines?");
      tell(listener::takenOver);
    } else {
      wait = CROWDED.contains(reasonCode) ? backoff.afterCrowd() : backoff.next();
      enter(State.WAITING);
    }
    return closed.await(wait.toMillis(), TimeUnit.MILLISECONDS);
  }

  private Ended attempt(Listener listener) throws InterruptedException {
    enter(State.CONNECTING);
    Inbox inbox = new Inbox(topics);
    Optional<PahoSession> opened = Optional.empty();
    // By no clock that may be set meanwhile.
    Optional<Long> since = Optional.empty();
    Duration keepAlive = quiet.allowed();
    int reasonCode = 0;
    try {
      PahoSession fresh = new PahoSession(config, keepAlive, inbox);
      opened = Optional.of(fresh);
      if (!use(fresh)) {
        return new Ended(reasonCode, Duration.ZERO);
      }
      fresh.open(topics, statusTopic, status(true), status(false));
      since = Optional.of(System.nanoTime());
      enter(State.CONNECTED);
      failing = false;
      log.atInfo().addKeyValue("device", config.login()).log("link up");
      tell(listener::connected);
      reasonCode = deliver(fresh, inbox, listener, since.get());
      quiet.ended(fresh.ends(LOST.contains(reasonCode)));
    } catch (MqttException e) {
      reasonCode = inbox.loss().map(Inbox.Loss::reasonCode).orElse(e.getReasonCode());
      tellOnce(reasonCode, e);
    } catch (RuntimeException e) {
      tellOnce(reasonCode, e);
    } finally {
      // After the end it is the closing thread's, which may still say farewell with it.
      if (use(null) || session == null) {
        opened.ifPresent(PahoSession::discard);
      }
    }
    long now = System.nanoTime();
    return new Ended(
        reasonCode, since.map(start -> Duration.ofNanos(now - start)).orElse(Duration.ZERO));
  }

  // A fleet without its control plane must not fill disks with the same line.
  private void tellOnce(int reasonCode, Exception cause) {
    log.atLevel(failing ? Level.DEBUG : Level.INFO)
        .addKeyValue("device", config.login())
        .addKeyValue("reason", reasonCode)
        .addKeyValue("cause", causes(cause))
        .log("link down");
    failing = true;
  }

  private static String causes(Throwable failure) {
    Throwable cause = failure.getCause();
    String text = cause == null ? String.valueOf(failure.getMessage()) : failure + ": " + cause;
    return CERTIFICATE_REFUSED.matcher(text).find()
        ? "the broker refuses this device's certificate: it has expired, was revoked or is of"
            + " another authority, enroll the device again if it does not renew: "
            + text
        : text;
  }

  private int deliver(PahoSession current, Inbox inbox, Listener listener, long sinceNanos)
      throws InterruptedException {
    while (!isClosed()) {
      boolean stands = current.isConnected();
      Optional<Inbox.Message> next = inbox.poll(LOOK_MILLIS);
      if (next.isPresent()) {
        Inbox.Message message = next.get();
        tell(() -> listener.received(message.topic(), message.payload().toByteArray()));
        continue;
      }
      Optional<Inbox.Loss> loss = inbox.loss();
      if (loss.isPresent()) {
        log.atInfo()
            .addKeyValue("device", config.login())
            .addKeyValue("reason", loss.get().text())
            .log("link lost");
        return loss.get().reasonCode();
      }
      if (!stands) {
        return 0;
      }
      // MQTT says it once, at CONNECT; what devices have of a day changes with their models.
      if (quiet.isAnother()
          && System.nanoTime() - sinceNanos >= config.timing().stableAfter().toNanos()) {
        log.atInfo()
            .addKeyValue("device", config.login())
            .log("link made anew with another keep-alive");
        return 0;
      }
    }
    return 0;
  }

  private synchronized boolean use(@Nullable PahoSession next) {
    if (isClosed()) {
      return false;
    }
    session = next;
    return true;
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  private synchronized void enter(State next) {
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

  private byte[] status(boolean online) {
    return ProtocolCodec.encode(
        new DeviceStatus(online, config.bootEpoch(), clock.instant(), config.instance()));
  }
}
