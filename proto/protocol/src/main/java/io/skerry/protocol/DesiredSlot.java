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
    Duration probation) {}
