package io.skerry.protocol;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * The order for one slot.
 *
 * @param revision grows whenever anything in this slot's order changes, from 1
 * @param manifest digest of the artifact's model manifest
 * @param signature digest of the DSSE envelope that signs the manifest
 * @param artifactBase blobs are at {@code <artifactBase>/sha256/<hex>}
 * @param rollout the rollout that gave this order, if one did
 * @param window length of a counting window
 * @param probationPredictions good inferences before the version counts as committed, ≥ 0
 * @param probation the longest wait for them
 * @param mode what the version is for
 * @param unit slots of one document with the same unit are activated together, or all keep what ran
 *     before
 */
public record DesiredSlot(
    SlotId slot,
    long revision,
    ModelVersion version,
    Digest manifest,
    Digest signature,
    URI artifactBase,
    Optional<RolloutId> rollout,
    SamplingRates sampling,
    Duration window,
    int probationPredictions,
    Duration probation,
    SlotMode mode,
    Optional<UnitName> unit) {
  /**
   * Checks what the parts say of each other.
   *
   * @throws IllegalArgumentException if the slot is on trial beside itself
   */
  public DesiredSlot {
    if (mode.trial().filter(trial -> trial.beside().equals(slot)).isPresent()) {
      throw new IllegalArgumentException("slot '%s' is on trial beside itself".formatted(slot));
    }
  }

  /** An order for a version that answers its model's requests, alone. */
  public DesiredSlot(
      SlotId slot,
      long revision,
      ModelVersion version,
      Digest manifest,
      Digest signature,
      URI artifactBase,
      Optional<RolloutId> rollout,
      SamplingRates sampling,
      Duration window,
      int probationPredictions,
      Duration probation) {
    this(
        slot,
        revision,
        version,
        manifest,
        signature,
        artifactBase,
        rollout,
        sampling,
        window,
        probationPredictions,
        probation,
        new SlotMode.Active(),
        Optional.empty());
  }

  /** The same order with another mode. */
  public DesiredSlot withMode(SlotMode value) {
    return with(revision, value, unit);
  }

  /** The same order in a unit. */
  public DesiredSlot withUnit(UnitName value) {
    return with(revision, mode, Optional.of(value));
  }

  /** The same order of another revision. */
  public DesiredSlot withRevision(long value) {
    return with(value, mode, unit);
  }

  private DesiredSlot with(long newRevision, SlotMode newMode, Optional<UnitName> newUnit) {
    return new DesiredSlot(
        slot,
        newRevision,
        version,
        manifest,
        signature,
        artifactBase,
        rollout,
        sampling,
        window,
        probationPredictions,
        probation,
        newMode,
        newUnit);
  }
}
