package io.skerry.e2e.device;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** The system's clock, or one that goes as fast but says something else. Thread-safe. */
final class MovableClock implements InstantSource {
  private volatile Duration off = Duration.ZERO;

  void off(Duration next) {
    off = next;
  }

  @Override
  public Instant instant() {
    return Instant.now().plus(off);
  }
}
