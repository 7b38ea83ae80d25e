package io.skerry.control.host;

import java.net.URI;

/**
 * Where this control plane is reached.
 *
 * @param url console and API, without a slash at the end
 * @param controlBase the devices' HTTPS, without a slash at the end
 * @param mqttHost the broker's host
 * @param mqttPort the broker's port for certificates
 * @param secretMqttPort the embedded broker's port for secrets, on loopback; 0 = none
 */
public record ServerAddress(
    URI url, URI controlBase, String mqttHost, int mqttPort, int secretMqttPort) {
  /** What {@code sha256/<hex>} is appended to. */
  public URI artifactBase() {
    return URI.create(controlBase + "/artifacts");
  }

  /** The same for a device without a certificate. */
  public URI plainArtifactBase() {
    return URI.create(url + "/artifacts");
  }
}
