package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

/** A client under test: one device's end of the line, or the control plane's as to one device. */
interface LinkClient extends AutoCloseable {
  /** More than any broker here takes. */
  Duration LONG = Duration.ofSeconds(60);

  /**
   * Publishes to the other end and waits for the broker's acknowledgement.
   *
   * @throws Exception if none came
   */
  void publish(String payload) throws Exception;

  /** Waits for a message of the other end, past any others; returns whether it came. */
  boolean hears(String payload, Duration within) throws Exception;

  /** Waits for a message of the other end, past any others. */
  default void awaitHeard(String payload) throws Exception {
    assertThat(hears(payload, LONG)).as("hears '%s'", payload).isTrue();
  }

  @Override
  void close();
}
