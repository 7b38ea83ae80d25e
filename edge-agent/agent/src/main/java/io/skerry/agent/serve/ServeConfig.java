package io.skerry.agent.serve;

import java.time.Duration;

/**
 * How the agent listens.
 *
 * @param messageBytesMax largest request, in bytes
 * @param callsPerConnectionMax calls of one connection that may be open at once
 * @param drain how long open calls may take when the agent stops
 */
public record ServeConfig(
    ListenAddress listen, int messageBytesMax, int callsPerConnectionMax, Duration drain) {
  /** 64 MiB, 128 calls, 10 s. */
  public static ServeConfig at(ListenAddress listen) {
    return new ServeConfig(listen, 64 << 20, 128, Duration.ofSeconds(10));
  }

  /** The same with another largest request. */
  public ServeConfig withMessageBytesMax(int bytes) {
    return new ServeConfig(listen, bytes, callsPerConnectionMax, drain);
  }
}
