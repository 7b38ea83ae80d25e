package io.skerry.agent.identity;

import java.time.Duration;
import java.time.Instant;

/** From when until when a certificate counts. */
public record Validity(Instant notBefore, Instant notAfter) {
  /** Whether it counts at this time. */
  public boolean covers(Instant now) {
    return !now.isBefore(notBefore) && now.isBefore(notAfter);
  }

  /** Whether it counted once and does no more. */
  public boolean isOver(Instant now) {
    return !now.isBefore(notAfter);
  }

  /** The whole of its life. */
  public Duration life() {
    return Duration.between(notBefore, notAfter);
  }
}
