package io.skerry.control.device;

import java.time.Duration;

/**
 * How fresh what devices know must be, and who may change what they run.
 *
 * @param snapshotValidity how long devices begin new orders without hearing from the control plane,
 *     1 minute to 90 days; a new snapshot is signed after a quarter of it
 * @param desiredValidity how long a copy of an order can still be begun, 1 hour to 366 days; it is
 *     signed and published anew after half of it
 * @param rolloutsApproved whether every rollout waits for somebody else than its author, also one
 *     whose file does not ask for it
 */
public record TrustConfig(
    Duration snapshotValidity, Duration desiredValidity, boolean rolloutsApproved) {
  private static final Duration SHORTEST = Duration.ofMinutes(1);
  private static final Duration LONGEST = Duration.ofDays(90);

  private static final Duration DESIRED_SHORTEST = Duration.ofHours(1);
  private static final Duration DESIRED_LONGEST = Duration.ofDays(366);

  public static final TrustConfig DEFAULTS =
      new TrustConfig(Duration.ofDays(7), Duration.ofDays(30), false);

  public TrustConfig {
    if (snapshotValidity.compareTo(SHORTEST) < 0 || snapshotValidity.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "snapshot-validity is %s: must be 1m to 90d".formatted(snapshotValidity));
    }
    if (desiredValidity.compareTo(DESIRED_SHORTEST) < 0
        || desiredValidity.compareTo(DESIRED_LONGEST) > 0) {
      throw new IllegalArgumentException(
          "desired-validity is %s: must be 1h to 366d".formatted(desiredValidity));
    }
  }
}
