package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.eclipse.paho.mqttv5.client.MqttAsyncClient;
import org.eclipse.paho.mqttv5.client.MqttToken;
import org.eclipse.paho.mqttv5.client.internal.ClientComms;
import org.eclipse.paho.mqttv5.client.internal.MqttConnectionState;
import org.eclipse.paho.mqttv5.client.internal.MqttSessionState;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.junit.jupiter.api.Test;

class PingsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration KEEP_ALIVE = Duration.ofMinutes(30);

  private final MqttToken answer =
      new MqttToken("ping") {
        @Override
        public boolean isComplete() {
          return answered;
        }
      };
  private Duration ordered = KEEP_ALIVE;
  private boolean answered;
  private long nanos;
  private int pinged;

  private void pass(Duration time) {
    nanos += time.toNanos();
  }

  private Pings pings(ScheduledExecutorService threads) throws MqttException {
    Pings pings = new Pings(PATIENCE, () -> nanos);
    MqttAsyncClient client =
        new MqttAsyncClient("tcp://127.0.0.1:1", "d1", new MemoryPersistence(), pings, threads);
    MemoryPersistence nothing = new MemoryPersistence();
    nothing.open("d1");
    ClientComms comms =
        new ClientComms(
            client,
            nothing,
            pings,
            threads,
            new MqttSessionState(),
            new MqttConnectionState("d1")) {
          @Override
          public long getKeepAlive() {
            return ordered.toMillis();
          }

          @Override
          public MqttToken checkForActivity() {
            pinged++;
            pings.schedule(KEEP_ALIVE.toMillis());
            return answer;
          }
        };
    pings.init(comms);
    pings.start();
    return pings;
  }

  /** With a keep-alive of half an hour Paho itself would find a dead line after an hour. */
  @Test
  void findsADeadLineSoonAfterAPing() throws MqttException {
    try (ScheduledExecutorService threads = Executors.newScheduledThreadPool(1)) {
      Pings pings = pings(threads);

      pass(KEEP_ALIVE.minusSeconds(1));
      pings.tick();
      assertThat(pinged).isZero();
      pass(Duration.ofSeconds(1));
      pings.tick();
      assertThat(pinged).isOne();
      pass(PATIENCE);
      pings.tick();
      assertThat(pings.isUnanswered()).isFalse();
      pass(Duration.ofMillis(1));
      assertThat(pings.isUnanswered()).isTrue();
    }
  }

  /** The answer to CONNECT says so, after the wait has begun. */
  @Test
  void pingsAsOftenAsTheBrokerOrders() throws MqttException {
    try (ScheduledExecutorService threads = Executors.newScheduledThreadPool(1)) {
      Pings pings = pings(threads);
      ordered = Duration.ofMinutes(5);

      pass(ordered);
      pings.tick();

      assertThat(pinged).isOne();
    }
  }

  @Test
  void isContentWithAnAnswer() throws MqttException {
    try (ScheduledExecutorService threads = Executors.newScheduledThreadPool(1)) {
      Pings pings = pings(threads);
      pass(KEEP_ALIVE);
      pings.tick();
      answered = true;
      pass(KEEP_ALIVE.minusSeconds(1));
      pings.tick();

      assertThat(pings.isUnanswered()).isFalse();
    }
  }

  @Test
  void waitsForAnAnswerWhileSomethingElseComes() throws MqttException {
    try (ScheduledExecutorService threads = Executors.newScheduledThreadPool(1)) {
      Pings pings = pings(threads);
      pass(KEEP_ALIVE);
      pings.tick();
      pass(PATIENCE);
      pings.heard();
      pass(PATIENCE);
      pings.tick();
      assertThat(pings.isUnanswered()).isFalse();

      pass(Duration.ofMillis(1));
      assertThat(pings.isUnanswered()).isTrue();
      assertThat(pings.unheard()).isEqualTo(PATIENCE.plusMillis(1));
    }
  }

  @Test
  void tellsThatTheLineHeldOnceAPingWasAnswered() throws MqttException {
    try (ScheduledExecutorService threads = Executors.newScheduledThreadPool(1)) {
      Pings pings = pings(threads);
      pass(KEEP_ALIVE);
      pings.tick();
      pings.tick();
      assertThat(pings.hasHeld()).isFalse();
      answered = true;
      pings.tick();
      assertThat(pings.hasHeld()).isTrue();
    }
  }
}
