package io.skerry.fleet.rollout;

import io.skerry.protocol.RolloutId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * The right of one replica to move one rollout on.
 *
 * <p>A lease that ran out can be taken by another replica, which gets a higher token; every write
 * is fenced by the token, so what the first replica still does afterwards is refused.
 *
 * @param holder the replica
 * @param token fencing token: grows by one whenever the holder changes, from 1
 * @param until end of the lease, exclusive
 */
public record Lease(RolloutId rollout, String holder, long token, Instant until) {
  /** How long a lease holds without being renewed: a replica that died is replaced after this. */
  public static final Duration LENGTH = Duration.ofSeconds(10);

  /**
   * The lease of a replica that asks now; empty while another one's holds.
   *
   * @param current the last lease of this rollout, if there ever was one
   */
  public static Optional<Lease> asked(
      RolloutId rollout, Optional<Lease> current, String holder, Instant now) {
    Instant until = now.plus(LENGTH);
    if (current.isEmpty()) {
      return Optional.of(new Lease(rollout, holder, 1, until));
    }
    Lease last = current.get();
    if (last.holder().equals(holder) && now.isBefore(last.until())) {
      return Optional.of(new Lease(rollout, holder, last.token(), until));
    }
    return now.isBefore(last.until())
        ? Optional.empty()
        : Optional.of(new Lease(rollout, holder, last.token() + 1, until));
  }

  /** Whether a write under this lease may be done, given the rollout's newest one. */
  public boolean isCurrent(Lease newest) {
    return token == newest.token() && holder.equals(newest.holder());
  }
}
