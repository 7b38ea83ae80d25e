package io.skerry.agent.uplink;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import java.time.Duration;

/**
 * Where and as whom to connect.
 *
 * @param secret the device's secret; never logged
 * @param reconnectBase the first wait is shorter than this
 * @param reconnectMax no wait is longer
 */
public record LinkConfig(
    String host,
    int port,
    TenantId tenant,
    DeviceId device,
    String secret,
    long bootEpoch,
    Duration reconnectBase,
    Duration reconnectMax) {
  /** Waits that suit a fleet: .5 s at first, at most 2 min. */
  public LinkConfig(
      String host, int port, TenantId tenant, DeviceId device, String secret, long bootEpoch) {
    this(
        host,
        port,
        tenant,
        device,
        secret,
        bootEpoch,
        Duration.ofMillis(500),
        Duration.ofMinutes(2));
  }

  /** Client id and user name. */
  String login() {
    return tenant + "/" + device;
  }

  @Override
  public String toString() {
    return "LinkConfig[%s at %s:%d]".formatted(login(), host, port);
  }
}
