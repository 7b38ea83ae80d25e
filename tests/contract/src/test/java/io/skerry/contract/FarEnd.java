package io.skerry.contract;

import java.nio.charset.StandardCharsets;

/** The other end, which has nothing to do with the line. */
interface FarEnd extends AutoCloseable {
  /** Publishes what stays for whoever subscribes later. */
  void retain(String topic, String payload);

  void subscribe(String topic);

  /** The next message; fails when none comes. */
  byte[] next() throws InterruptedException;

  default String nextText() throws InterruptedException {
    return new String(next(), StandardCharsets.UTF_8);
  }

  @Override
  void close();
}
