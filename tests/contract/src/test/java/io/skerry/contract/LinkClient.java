package io.skerry.contract;

/** A client under test: one device's end of the line, or the control plane's as to one device. */
interface LinkClient extends AutoCloseable {
  /**
   * Publishes to the other end and waits for the broker's acknowledgement.
   *
   * @throws Exception if none came
   */
  void publish(String payload) throws Exception;

  /** Waits for a message of the other end, past any others. */
  void awaitHeard(String payload) throws Exception;

  @Override
  void close();
}
