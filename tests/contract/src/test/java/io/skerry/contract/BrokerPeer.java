package io.skerry.contract;

import java.io.IOException;
import java.util.Optional;

/** A client with nothing of ours in it, to see what a broker does. */
interface BrokerPeer extends AutoCloseable {
  /**
   * How it connects.
   *
   * @param client {@code control}, or a device of the tenant {@code default}
   * @param sessionSeconds how long the broker shall know it once it is gone
   * @param will told as retained when it goes without a word
   */
  record Wish(String client, int sessionSeconds, Optional<Will> will) {
    static final String CONTROL = "control";

    static Wish of(String client) {
      return new Wish(client, 3600, Optional.empty());
    }

    Wish known(int seconds) {
      return new Wish(client, seconds, will);
    }

    Wish with(Will last) {
      return new Wish(client, sessionSeconds, Optional.of(last));
    }
  }

  /** The last word of who goes without one. */
  record Will(String topic, String payload, int delaySeconds) {}

  /** Whether the broker knew its session when it connected. */
  boolean isSessionPresent();

  void subscribe(String filter);

  /** Waits until the broker has it; an empty payload takes back what is retained. */
  void publish(String topic, String payload, boolean retain);

  /** The next message, which is acknowledged. */
  String next() throws InterruptedException;

  /** The next message, which is not. */
  String leave() throws InterruptedException;

  /** Waits until the broker has ended the connection. */
  void awaitGone() throws InterruptedException;

  /** Whether the broker said that another one of its name has come. */
  boolean isThrownOff();

  /** Goes without a word. */
  void cut() throws Exception;

  /** Leaves with a word, if it is still there. */
  @Override
  void close() throws IOException;
}
