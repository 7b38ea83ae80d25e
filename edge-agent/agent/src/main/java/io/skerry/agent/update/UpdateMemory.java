package io.skerry.agent.update;

import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import java.util.Map;

/**
 * What a device remembers of its updates over a restart.
 *
 * @param observed the highest generation seen
 * @param applied the highest generation of which every slot came to an end
 */
record UpdateMemory(Generation observed, Generation applied, Map<SlotId, SlotState> slots) {
  static final UpdateMemory EMPTY = new UpdateMemory(Generation.NONE, Generation.NONE, Map.of());

  UpdateMemory {
    slots = Map.copyOf(slots);
  }

  SlotState slot(SlotId id) {
    return slots.getOrDefault(id, SlotState.INITIAL);
  }
}
