package io.skerry.agent.uplink;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eclipse.paho.mqttv5.client.MqttPingSender;
import org.eclipse.paho.mqttv5.client.MqttToken;
import org.eclipse.paho.mqttv5.client.internal.ClientComms;

/**
 * Keeps a connection alive from the link's own thread. Paho's own sender starts a timer's thread
 * even for a connection that has ended meanwhile, and leaves it behind; and it misses the answer to
 * a ping only when the next one is due, which may be long.
 */
final class Pings implements MqttPingSender {
  private final long patienceNanos;
  private final LongSupplier nanoTime;
  private Optional<ClientComms> client = Optional.empty();
  private Optional<Wait> wait = Optional.empty();
  private Optional<Asked> asked = Optional.empty();
  private boolean held;
  private volatile long heardNanos;

  private record Wait(long sinceNanos, long millis) {}

  private record Asked(MqttToken answer, long nanos) {}

  /** With the longest wait for the answer to a ping. */
  Pings(Duration patience) {
    this(patience, System::nanoTime);
  }

  Pings(Duration patience, LongSupplier nanoTime) {
    this.patienceNanos = patience.toNanos();
    this.nanoTime = nanoTime;
    this.heardNanos = nanoTime.getAsLong();
  }

  /** Something came from the broker. */
  void heard() {
    heardNanos = nanoTime.getAsLong();
  }

  /** For how long nothing has come. */
  Duration unheard() {
    return Duration.ofNanos(nanoTime.getAsLong() - heardNanos);
  }

  /** Whether a ping was answered. */
  synchronized boolean hasHeld() {
    return held;
  }

  @Override
  public synchronized void init(ClientComms comms) {
    client = Optional.of(comms);
  }

  @Override
  public synchronized void start() {
    client.ifPresent(comms -> schedule(comms.getKeepAlive()));
  }

  @Override
  public synchronized void stop() {
    wait = Optional.empty();
    asked = Optional.empty();
  }

  @Override
  public synchronized void schedule(long delayMillis) {
    wait = Optional.of(new Wait(nanoTime.getAsLong(), delayMillis));
  }

  /** Sends a ping if one is due; to be called every second or so. */
  void tick() {
    Optional<ClientComms> due;
    synchronized (this) {
      due = wait.flatMap(begun -> client.filter(comms -> isOver(begun, comms)));
      if (due.isPresent()) {
        wait = Optional.empty();
      }
    }
    // It schedules the next one itself.
    Optional<MqttToken> ping = due.flatMap(comms -> Optional.ofNullable(comms.checkForActivity()));
    synchronized (this) {
      held |= asked.filter(Pings::isAnswered).isPresent();
      ping.ifPresent(answer -> asked = Optional.of(new Asked(answer, nanoTime.getAsLong())));
      asked = asked.filter(one -> !one.answer().isComplete());
    }
  }

  // What is still asked for when a connection ends is complete, too.
  private static boolean isAnswered(Asked one) {
    return one.answer().isComplete() && one.answer().getException() == null;
  }

  // Paho begins to wait before it reads that the broker orders a shorter keep-alive.
  private boolean isOver(Wait begun, ClientComms comms) {
    long millis = Math.min(begun.millis(), comms.getKeepAlive());
    return nanoTime.getAsLong() - begun.sinceNanos() >= TimeUnit.MILLISECONDS.toNanos(millis);
  }

  /**
   * Whether a ping has gone unanswered for too long, and nothing else has come since: on a slow
   * line its answer waits behind what the broker sends.
   */
  synchronized boolean isUnanswered() {
    return asked
        .filter(one -> !one.answer().isComplete())
        .filter(one -> nanoTime.getAsLong() - one.nanos() > patienceNanos)
        .filter(one -> nanoTime.getAsLong() - heardNanos > patienceNanos)
        .isPresent();
  }
}
