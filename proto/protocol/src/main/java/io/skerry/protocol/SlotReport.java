package io.skerry.protocol;

import java.util.Optional;

/**
 * How one slot stands, as told by the running process.
 *
 * @param revision of the order that phase and error speak of; 0 when there was none yet
 * @param target manifest of that order
 * @param running manifest of what answers predictions now
 * @param error why the order did not succeed
 * @param predictions answered since the running version was activated in this process
 * @param predictionsFailed of them, those that failed for a fault of ours or the model's
 */
public record SlotReport(
    SlotId slot,
    long revision,
    SlotPhase phase,
    Optional<RolloutId> rollout,
    Optional<Digest> target,
    Optional<Running> running,
    Optional<Failure> error,
    long predictions,
    long predictionsFailed) {

  /** What answers predictions in a slot. */
  public record Running(ModelVersion version, Digest manifest) {}

  /** Why an order did not succeed; the detail says what, which and what happened instead. */
  public record Failure(ErrorCode code, String detail) {}
}
