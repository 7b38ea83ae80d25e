package io.skerry.simulator.world;

import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;

/** One model of what a rollout brings; several make a unit. */
record RolloutPart(SlotId slot, ModelVersion version) {
  /** Where the version lives: in a slot of its own while it is on trial. */
  SlotId place(RolloutKind kind) {
    return kind.isTrial() ? trialBeside(slot) : slot;
  }

  /** The slot of a version on trial beside this one. */
  static SlotId trialBeside(SlotId slot) {
    return new SlotId(slot.value() + "-trial");
  }
}
