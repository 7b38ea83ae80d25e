package io.skerry.agent.serve.http;

import java.time.Duration;

/**
 * How the agent answers HTTP.
 *
 * @param port of the loopback address; 0 for any free one
 * @param bodyBytesMax largest request, after decompression
 * @param bodiesBytesMax all requests that are in memory at a time
 * @param connectionsMax open connections
 * @param idle how long a connection may be silent
 */
public record HttpConfig(
    int port, int bodyBytesMax, long bodiesBytesMax, int connectionsMax, Duration idle) {
  /**
   * Checks the port.
   *
   * @throws IllegalArgumentException if it is not 0 to 65535
   */
  public HttpConfig {
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port %d is not 0 to 65535".formatted(port));
    }
  }

  /** 64 MiB a request and 256 MiB all, 256 connections that may be silent for a minute. */
  public static HttpConfig at(int port) {
    return new HttpConfig(port, 64 << 20, 256L << 20, 256, Duration.ofMinutes(1));
  }

  /** The same with another largest request. */
  public HttpConfig withBodyBytesMax(int bytes) {
    return new HttpConfig(port, bytes, Math.max(bytes, bodiesBytesMax), connectionsMax, idle);
  }
}
