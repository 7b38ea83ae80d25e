package io.skerry.agent.serve;

import io.skerry.agent.model.ModelSlots;
import java.util.List;

/** What this device has or should have, ready or not. */
@FunctionalInterface
public interface ModelListing {
  /**
   * One version of one model.
   *
   * @param version as the client sees it
   * @param reason why it is not ready; empty when it is
   */
  record Entry(String model, String version, boolean ready, String reason) {}

  /** All of them, ordered by model and version. */
  List<Entry> entries();

  /** Whether everything that should be served is. */
  default boolean ready() {
    return entries().stream().allMatch(Entry::ready);
  }

  /** A listing of just what is active. */
  static ModelListing ofActive(ModelSlots slots) {
    return () ->
        slots.active().stream()
            .map(
                model ->
                    new Entry(
                        model.version().model().value(),
                        Long.toString(model.version().version()),
                        true,
                        ""))
            .toList();
  }
}
