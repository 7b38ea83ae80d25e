package io.skerry.agent.uplink;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.eclipse.paho.mqttv5.client.MqttPingSender;
import org.eclipse.paho.mqttv5.client.internal.ClientComms;

/**
 * Keeps a connection alive from the link's own thread. Paho's own sender starts a timer's thread
 * even for a connection that has ended meanwhile, and leaves it behind.
 */
final class Pings implements MqttPingSender {
  private Optional<ClientComms> client = Optional.empty();
  private Optional<Long> dueNanos = Optional.empty();

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
    dueNanos = Optional.empty();
  }

  @Override
  public synchronized void schedule(long delayMillis) {
    dueNanos = Optional.of(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(delayMillis));
  }

  /** Sends a ping if one is due; to be called every second or so. */
  void tick() {
    Optional<ClientComms> due;
    synchronized (this) {
      due = dueNanos.filter(at -> System.nanoTime() - at >= 0).flatMap(at -> client);
      if (due.isPresent()) {
        dueNanos = Optional.empty();
      }
    }
    // It schedules the next one itself.
    due.ifPresent(ClientComms::checkForActivity);
  }
}
