package io.skerry.control.host;

import java.net.URI;

/**
 * Where this control plane is reached.
 *
 * @param url console and API, without a slash at the end
 * @param controlBase the devices' HTTPS, without a slash at the end
 * @param mqttHost the broker's host
 * @param mqttPort the broker's port
 */
public record ServerAddress(URI url, URI controlBase, String mqttHost, int mqttPort) {
  /** What {@code sha256/<hex>} is appended to. */
  public URI artifactBase() {
    return URI.create(controlBase + "/artifacts");
  }
}
