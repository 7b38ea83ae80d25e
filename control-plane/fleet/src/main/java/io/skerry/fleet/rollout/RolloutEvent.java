package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.Evidence;
import io.skerry.protocol.RolloutId;
import java.time.Instant;
import java.util.Objects;

/** What can happen to a rollout. */
public sealed interface RolloutEvent {
  /** Its author hands a draft in. */
  record Submit() implements RolloutEvent {}

  /** Somebody agrees; it starts. */
  record Approve(String by) implements RolloutEvent {}

  /** An operator starts it. */
  record Start() implements RolloutEvent {}

  /**
   * The fleet was counted.
   *
   * @param evidence of the current stage
   * @param heardSince since when the control plane hears its devices without a gap; time before
   *     that counts against no device and towards no soak
   */
  record Observed(Census census, Evidence evidence, Instant heardSince) implements RolloutEvent {
    /** A kept event may be older than {@code heardSince}, and then has none. */
    public Observed {
      heardSince = Objects.requireNonNullElse(heardSince, Instant.EPOCH);
    }
  }

  /** An operator stops the opening of stages. */
  record Pause(String reason) implements RolloutEvent {}

  /** An operator lets a paused rollout go on; deadlines and soak start again. */
  record Resume() implements RolloutEvent {}

  /** An operator takes the current stage as passed. */
  record Promote(String reason) implements RolloutEvent {}

  /** An operator stops it where it is. */
  record Abort(String reason) implements RolloutEvent {}

  /** An operator sends every touched device back. */
  record RollBack(String reason) implements RolloutEvent {}

  /** An operator has failed devices try again. */
  record Retry(String reason) implements RolloutEvent {}

  /** A newer rollout of the same slot and profiles starts. */
  record Supersede(RolloutId by) implements RolloutEvent {}
}
