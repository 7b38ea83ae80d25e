package io.skerry.fleet.rollout;

import java.time.Instant;

/** What a rollout orders: commands about sets of devices, each harmless when carried out twice. */
public sealed interface RolloutEffect {
  /** Offer the version to every PENDING device of this stage. */
  record OfferStage(int stage) implements RolloutEffect {}

  /**
   * Fail the online devices that have had their order too long: OFFERED since {@code offeredUntil}
   * or IN_PROGRESS with an order of {@code startedUntil} or before. Devices that were restored too
   * slowly become RESTORE_FAILED.
   */
  record FailOverdue(Instant offeredUntil, Instant startedUntil) implements RolloutEffect {}

  /** Set the offline OFFERED and IN_PROGRESS devices of this stage to DEFERRED. */
  record DeferOffline(int stage) implements RolloutEffect {}

  /** Order OFFERED and DEFERRED devices back to what they ran before. */
  record RestoreUnstarted() implements RolloutEffect {}

  /** Order every touched device back to what it ran before, by a new and higher generation. */
  record RestoreTouched() implements RolloutEffect {}
}
