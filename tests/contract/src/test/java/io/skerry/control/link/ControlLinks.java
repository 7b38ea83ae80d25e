package io.skerry.control.link;

import com.hivemq.client.mqtt.MqttClientSslConfig;
import java.time.Duration;

/** Makes the control plane's client without the rest of the control plane. */
public final class ControlLinks {
  private ControlLinks() {}

  /**
   * A client that is not connected.
   *
   * @param patience the longest wait for the broker's answer to anything
   */
  public static ControlLink with(MqttClientSslConfig tls, Duration patience) {
    return new ControlLink(tls, patience, () -> {});
  }
}
