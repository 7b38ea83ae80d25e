package io.skerry.control.host;

import io.micronaut.http.HttpRequest;

/**
 * The port of the devices' HTTPS.
 *
 * @param number 1 to 65535
 */
public record DevicePort(int number) {
  /** Whether a request came in on it. */
  public boolean isOf(HttpRequest<?> request) {
    return request.getServerAddress().getPort() == number;
  }
}
