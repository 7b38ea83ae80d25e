package io.skerry.control.rollout;

import io.skerry.control.device.SlotOrder;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.time.Duration;
import java.util.Optional;

/**
 * What a rollout brings and how.
 *
 * @param onFailedDevices what too many devices that fail the update do to the rollout
 * @param notEligible devices whose profile has no variant of the version
 */
record RolloutOrder(
    RolloutId id,
    SlotId slot,
    ModelVersion version,
    RolloutPlan plan,
    Duration window,
    GateAction onFailedDevices,
    SamplingRates sampling,
    int probationPredictions,
    Duration probation,
    int notEligible) {
  SlotOrder slotOrder(ModelVersion ordered, Digest manifest, Digest signature) {
    return new SlotOrder(
        ordered,
        manifest,
        signature,
        Optional.of(id),
        sampling,
        window,
        probationPredictions,
        probation);
  }
}
