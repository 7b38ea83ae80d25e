package io.skerry.control.device;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
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
 */
public record SlotOrder(
    ModelVersion version,
    Digest manifest,
    Digest signature,
    Optional<RolloutId> rollout,
    SamplingRates sampling,
    Duration window,
    int probationPredictions,
    Duration probation) {}
