package io.skerry.agent.uplink;

/**
 * A device's connection to the control plane. It connects by itself, subscribes again after every
 * connect, and says so on the status topic.
 */
public interface DeviceLink extends AutoCloseable {
  /** How the link stands. */
  enum State {
    CONNECTING,
    CONNECTED,
    /** Waits before the next attempt. */
    WAITING,
    /**
     * Waits for long, because another client took over this device's session: its identity may be
     * in use on another machine.
     */
    TAKEN_OVER,
    CLOSED
  }

  /** Is told of what happens; one call at a time, never on a thread of the client library. */
  interface Listener {
    /** The link is up and every subscription stands. */
    void connected();

    /** A message arrived; the payload belongs to the listener. */
    void received(String topic, byte[] payload);

    /** Another client took over this device's session. */
    default void takenOver() {}
  }

  /** Begins to connect, and keeps at it until closed. */
  void start(Listener listener);

  /** How the link stands. */
  State state();

  /** Ends the connection and makes another one soon, with the newest certificate. */
  default void reconnect() {}

  /**
   * Publishes at quality of service 1 and waits for the broker's acknowledgement, which is flow
   * control only: a record counts as stored when the control plane has committed it.
   *
   * @throws LinkException if the link is down, or the broker did not acknowledge in time
   */
  void publish(String topic, byte[] payload) throws LinkException;

  @Override
  void close();
}
