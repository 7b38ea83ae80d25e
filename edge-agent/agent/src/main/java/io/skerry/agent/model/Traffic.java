package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who answers what, at one moment. Immutable: every change makes a new one, so that whoever reads
 * sees all of a change or nothing of it.
 */
final class Traffic {
  private static final Comparator<Occupant> BEST_FIRST =
      Comparator.comparing((Occupant one) -> -one.model().version().version())
          .thenComparing(one -> one.model().slot().value());

  static final Traffic NONE = new Traffic(Map.of());

  private final Map<SlotId, Occupant> occupants;
  private final Map<ModelName, Route> routes;
  private final Map<SlotId, List<Shared>> shadows;

  /** What is in a slot, and what for. */
  record Occupant(ServingModel model, SlotMode mode) {}

  /** A version that shares another one's requests. */
  record Shared(ServingModel model, double share) {}

  private record Route(ServingModel active, List<Shared> trials, List<ServingModel> versions) {}

  private Traffic(Map<SlotId, Occupant> occupants) {
    this.occupants = Map.copyOf(occupants);
    this.shadows = new HashMap<>();
    this.routes = new HashMap<>();
    List<Occupant> ordered = occupants.values().stream().sorted(BEST_FIRST).toList();
    for (Occupant occupant : ordered) {
      if (occupant.mode() instanceof SlotMode.Active) {
        routes.computeIfAbsent(
            occupant.model().version().model(), name -> route(occupant.model(), ordered));
      }
      if (occupant.mode() instanceof SlotMode.Shadow(SlotMode.Trial on)
          && fitsBeside(occupant.model(), on)) {
        shadows
            .computeIfAbsent(on.beside(), slot -> new ArrayList<>())
            .add(new Shared(occupant.model(), on.share()));
      }
    }
  }

  private Route route(ServingModel active, List<Occupant> ordered) {
    List<Shared> trials = new ArrayList<>();
    List<ServingModel> versions = new ArrayList<>();
    for (Occupant occupant : ordered) {
      if (occupant.mode() instanceof SlotMode.Ab(SlotMode.Trial on)
          && on.beside().equals(active.slot())
          && fitsBeside(occupant.model(), on)) {
        trials.add(new Shared(occupant.model(), on.share()));
      }
      if (answers(occupant) && isOf(occupant.model(), active.version().model())) {
        versions.add(occupant.model());
      }
    }
    trials.sort(Comparator.comparing(trial -> trial.model().slot().value()));
    return new Route(active, trials, versions);
  }

  private static boolean answers(Occupant occupant) {
    return occupant.mode() instanceof SlotMode.Active || occupant.mode() instanceof SlotMode.Ab;
  }

  private static boolean isOf(ServingModel model, ModelName name) {
    return model.version().model().equals(name);
  }

  private boolean fitsBeside(ServingModel model, SlotMode.Trial trial) {
    Occupant beside = occupants.get(trial.beside());
    return beside != null && takesOver(beside.model().signature(), model.signature());
  }

  /** Whether a model of the second signature can answer requests that are made for the first. */
  static boolean takesOver(ModelSignature asked, ModelSignature answering) {
    return asked.inputs().size() == answering.inputs().size()
        && asked.inputs().stream()
            .allMatch(
                spec ->
                    answering.input(spec.name()).filter(other -> takes(spec, other)).isPresent())
        && asked.outputs().stream()
            .allMatch(
                spec ->
                    answering
                        .output(spec.name())
                        .filter(
                            other ->
                                other.type() == spec.type()
                                    && other.shape().size() == spec.shape().size())
                        .isPresent());
  }

  private static boolean takes(TensorSpec asked, TensorSpec answering) {
    if (asked.type() != answering.type() || asked.shape().size() != answering.shape().size()) {
      return false;
    }
    for (int i = 0; i < asked.shape().size(); i++) {
      long dimension = answering.shape().get(i);
      if (dimension >= 0 && dimension != asked.shape().get(i)) {
        return false;
      }
    }
    return true;
  }

  Traffic with(Map<SlotId, Optional<Occupant>> changes) {
    Map<SlotId, Occupant> changed = new HashMap<>(occupants);
    changes.forEach(
        (slot, occupant) ->
            occupant.ifPresentOrElse(next -> changed.put(slot, next), () -> changed.remove(slot)));
    return new Traffic(changed);
  }

  Map<SlotId, Occupant> occupants() {
    return occupants;
  }

  @Nullable ServingModel in(SlotId slot) {
    Occupant occupant = occupants.get(slot);
    return occupant == null ? null : occupant.model();
  }

  /** Who answers for a name: the best active version, or the named one unless it only shadows. */
  @Nullable ServingModel named(ModelName name, Optional<Long> version) {
    Route route = routes.get(name);
    if (version.isEmpty()) {
      return route == null ? null : route.active();
    }
    if (route != null) {
      for (ServingModel model : route.versions()) {
        if (model.version().version() == version.get()) {
          return model;
        }
      }
      return null;
    }
    // A trial of a model that has no active version beside it can still be asked for by version.
    for (Occupant occupant : occupants.values()) {
      if (answers(occupant)
          && isOf(occupant.model(), name)
          && occupant.model().version().version() == version.get()) {
        return occupant.model();
      }
    }
    return null;
  }

  /**
   * Whether a request of so many bytes is known to be answered quickly. Without a key nobody knows
   * yet which version answers it: then by any that may.
   *
   * @param model what answers for the name, trials aside
   */
  boolean isShort(ServingModel model, Optional<Long> version, String key, long bytes) {
    Route route = version.isEmpty() ? routes.get(model.version().model()) : null;
    if (route == null || route.trials().isEmpty()) {
      return model.pace().isShort(bytes);
    }
    if (!key.isEmpty()) {
      ServingModel answering = named(model.version().model(), version, key);
      return answering != null && answering.pace().isShort(bytes);
    }
    if (!model.pace().isShort(bytes)) {
      return false;
    }
    for (Shared trial : route.trials()) {
      if (!trial.model().pace().isShort(bytes)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Who answers this request: a version on trial takes its share of the keys, always the same ones.
   * A share that grows keeps the keys that it has. Several trials take theirs side by side, in the
   * order of their slots' names, each among the keys that those before leave: one that begins,
   * grows or ends moves no key of a trial before it.
   */
  @Nullable ServingModel named(ModelName name, Optional<Long> version, String key) {
    Route route = routes.get(name);
    if (version.isPresent() || route == null || route.trials().isEmpty()) {
      return named(name, version);
    }
    double left = 1;
    for (Shared trial : route.trials()) {
      if (position(key, trial.model().slot()) * left < trial.share()) {
        return trial.model();
      }
      left -= trial.share();
    }
    return route.active();
  }

  /** The versions that get copies of what this slot answers. */
  List<Shared> shadows(SlotId slot) {
    return shadows.getOrDefault(slot, List.of());
  }

  /** Where a key lies among all keys of a slot, 0 to below 1; the same for ever. */
  static double position(String key, SlotId slot) {
    // FNV-1a, then a finisher that spreads what FNV leaves in its low bits.
    long hash = 0xcbf29ce484222325L;
    for (String part : List.of(slot.value(), "/", key)) {
      for (int i = 0; i < part.length(); i++) {
        hash = (hash ^ part.charAt(i)) * 0x100000001b3L;
      }
    }
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return ((hash ^ (hash >>> 33)) >>> 11) * 0x1.0p-53;
  }
}
