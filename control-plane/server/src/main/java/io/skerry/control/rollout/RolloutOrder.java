package io.skerry.control.rollout;

import io.skerry.control.device.SlotOrder;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.UnitName;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What a rollout brings and how.
 *
 * @param parts several make a unit: all or none on each device
 */
record RolloutOrder(
    RolloutId id,
    List<Part> parts,
    RolloutPlan plan,
    Duration window,
    SamplingRates sampling,
    int probationPredictions,
    Duration probation) {
  RolloutOrder {
    parts = List.copyOf(parts);
  }

  /** One model of a rollout. */
  record Part(SlotId slot, ModelVersion version) {
    /** Where the version lives: in a slot of its own while it is on trial. */
    SlotId place(RolloutKind kind) {
      return kind.isTrial() ? new SlotId(slot.value() + "-trial") : slot;
    }
  }

  /** A version's signed artifact for one profile. */
  record Variant(ModelVersion version, Digest manifest, Digest signature) {}

  /** What is ordered when a trial was good: the same version, as the active one. */
  RolloutOrder promoted() {
    return new RolloutOrder(
        id, parts, plan.active(), window, sampling, probationPredictions, probation);
  }

  Part first() {
    return parts.getFirst();
  }

  List<String> places() {
    return parts.stream().map(part -> part.place(plan.kind()).value()).toList();
  }

  List<String> slots() {
    return parts.stream().map(part -> part.slot().value()).toList();
  }

  SlotOrder slotOrder(Variant variant, SlotMode mode) {
    return new SlotOrder(
        variant.version(),
        variant.manifest(),
        variant.signature(),
        Optional.of(id),
        sampling,
        window,
        probationPredictions,
        probation,
        mode,
        parts.size() > 1 ? Optional.of(new UnitName(id.value())) : Optional.empty());
  }

  SlotMode mode(Part part) {
    return switch (plan.kind()) {
      case RolloutKind.Replace() -> new SlotMode.Active();
      case RolloutKind.Split split ->
          new SlotMode.Ab(new SlotMode.Trial(part.slot(), split.share()));
      case RolloutKind.Shadow _ -> new SlotMode.Shadow(new SlotMode.Trial(part.slot(), 1));
    };
  }
}
