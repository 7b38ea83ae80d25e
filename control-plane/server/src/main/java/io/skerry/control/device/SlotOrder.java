package io.skerry.control.device;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.UnitName;
import java.time.Duration;
import java.util.Optional;

/**
 * What a slot shall run.
 *
 * @param manifest digest of the artifact's model manifest, for the profile of the ordered devices
 * @param signature digest of the DSSE envelope that signs it
 * @param rollout the rollout that orders, if one does
 * @param window length of a counting window
 * @param probationPredictions good inferences before the version counts as committed, from 0
 * @param probation the longest wait for them
 * @param mode what the version is for
 * @param unit slots that change together or not at all
 */
public record SlotOrder(
    ModelVersion version,
    Digest manifest,
    Digest signature,
    Optional<RolloutId> rollout,
    SamplingRates sampling,
    Duration window,
    int probationPredictions,
    Duration probation,
    SlotMode mode,
    Optional<UnitName> unit) {
  /** An order for a version that answers alone. */
  public SlotOrder(
      ModelVersion version,
      Digest manifest,
      Digest signature,
      Optional<RolloutId> rollout,
      SamplingRates sampling,
      Duration window,
      int probationPredictions,
      Duration probation) {
    this(
        version,
        manifest,
        signature,
        rollout,
        sampling,
        window,
        probationPredictions,
        probation,
        new SlotMode.Active(),
        Optional.empty());
  }
}
