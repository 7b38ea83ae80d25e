package io.skerry.control.device;

import java.time.Duration;

/**
 * How fresh what devices know must be.
 *
 * @param snapshotValidity how long devices begin new orders without hearing from the control plane,
 *     1 minute to 90 days; a new snapshot is signed after a quarter of it
 */
public record TrustConfig(Duration snapshotValidity) {
  private static final Duration SHORTEST = Duration.ofMinutes(1);
  private static final Duration LONGEST = Duration.ofDays(90);

  public static final TrustConfig DEFAULTS = new TrustConfig(Duration.ofDays(7));

  public TrustConfig {
    if (snapshotValidity.compareTo(SHORTEST) < 0 || snapshotValidity.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "snapshot-validity is %s: must be 1m to 90d".formatted(snapshotValidity));
    }
  }
}
