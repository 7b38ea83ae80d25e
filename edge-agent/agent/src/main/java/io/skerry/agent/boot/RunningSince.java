package io.skerry.agent.boot;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.Digest;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Since when each slot runs what it runs, as seen at every look. Thread-safe. */
final class RunningSince {
  private final ModelSlots slots;
  private final InstantSource clock;
  private final Map<SlotId, Seen> seen = new HashMap<>();

  private record Seen(Digest manifest, Instant since) {}

  RunningSince(ModelSlots slots, InstantSource clock) {
    this.slots = slots;
    this.clock = clock;
  }

  /** Looks. */
  synchronized void tick() {
    Map<SlotId, Digest> active =
        slots.active().stream()
            .collect(Collectors.toMap(ServingModel::slot, ServingModel::manifest));
    seen.keySet().retainAll(active.keySet());
    active.forEach(
        (slot, manifest) ->
            seen.compute(
                slot,
                (key, known) ->
                    known != null && known.manifest().equals(manifest)
                        ? known
                        : new Seen(manifest, clock.instant())));
  }

  /** Since when, by slot. */
  synchronized Map<SlotId, Instant> since() {
    return seen.entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().since()));
  }
}
