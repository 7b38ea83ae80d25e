package io.skerry.agent.update;

import io.skerry.artifact.trust.Role;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import java.util.Map;
import java.util.Optional;

/**
 * What a device remembers of its updates over a restart.
 *
 * @param observed the highest generation seen
 * @param applied the highest generation of which every slot came to an end
 * @param director the role that signed the newest document; generations are told by its keys
 */
record UpdateMemory(
    Generation observed,
    Generation applied,
    Optional<Role> director,
    Map<SlotId, SlotState> slots) {
  static final UpdateMemory EMPTY =
      new UpdateMemory(Generation.NONE, Generation.NONE, Optional.empty(), Map.of());

  UpdateMemory {
    slots = Map.copyOf(slots);
  }

  SlotState slot(SlotId id) {
    return slots.getOrDefault(id, SlotState.INITIAL);
  }
}
