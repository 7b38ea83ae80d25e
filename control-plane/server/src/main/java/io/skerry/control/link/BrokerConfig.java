package io.skerry.control.link;

/**
 * The broker between devices and control plane.
 *
 * @param host an outside broker; empty = the embedded one
 * @param port the outside broker's TLS port, 1 to 65535
 * @param connectionsMax connections to the embedded broker at a time, from 1
 * @param limits how much one device may send to the embedded broker
 */
public record BrokerConfig(String host, int port, int connectionsMax, DeviceLimits limits) {
  public static final BrokerConfig DEFAULTS =
      new BrokerConfig("", 8883, 50_000, DeviceLimits.DEFAULTS);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a value is outside its range
   */
  public BrokerConfig {
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("port is %d: must be 1 to 65535".formatted(port));
    }
    if (connectionsMax < 1) {
      throw new IllegalArgumentException(
          "connections-max is %d: must be from 1".formatted(connectionsMax));
    }
  }

  /** The same with other limits. */
  public BrokerConfig withLimits(DeviceLimits changed) {
    return new BrokerConfig(host, port, connectionsMax, changed);
  }

  /** Whether the control plane brings its own broker. */
  public boolean isEmbedded() {
    return host.isEmpty();
  }
}
