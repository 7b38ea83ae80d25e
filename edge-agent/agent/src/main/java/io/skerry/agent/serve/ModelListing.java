package io.skerry.agent.serve;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Pipelines;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

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

  /** This listing and the pipelines, ready or not. */
  default ModelListing with(Pipelines pipelines) {
    ModelListing models = this;
    return new ModelListing() {
      @Override
      public List<Entry> entries() {
        Map<String, String> faults = pipelines.faults();
        List<Entry> all = new ArrayList<>(models.entries());
        all.removeIf(entry -> pipelines.names().contains(entry.model()));
        for (String name : pipelines.names()) {
          all.add(new Entry(name, "1", !faults.containsKey(name), faults.getOrDefault(name, "")));
        }
        all.sort(Comparator.comparing(Entry::model));
        return List.copyOf(all);
      }

      @Override
      public boolean ready() {
        return models.ready() && pipelines.faults().isEmpty();
      }
    };
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
