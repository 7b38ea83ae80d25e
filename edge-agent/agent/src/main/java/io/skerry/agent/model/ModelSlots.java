package io.skerry.agent.model;

import io.skerry.protocol.ModelName;
import io.skerry.protocol.SlotId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;

/**
 * Which version answers in which slot.
 *
 * <p>Thread-safe. Reading never waits: a reader sees the slots before a swap or after it, never
 * between. A version that was swapped out answers those who already have it and is closed when the
 * last of them is done.
 */
public final class ModelSlots implements AutoCloseable {
  private final Executor closer;
  private final List<Runnable> watchers = new CopyOnWriteArrayList<>();
  private volatile Map<SlotId, ServingModel> slots = Map.of();

  /** Closes retired versions on threads of its own, so that no prediction waits for it. */
  public ModelSlots() {
    this(close -> Thread.ofPlatform().daemon().name("model-closer").start(close));
  }

  /** Closes retired versions on the given executor. */
  public ModelSlots(Executor closer) {
    this.closer = closer;
  }

  /**
   * Makes this version answer in the slot from now on.
   *
   * @return the version that answered until now; it is being drained and closes by itself
   * @throws IllegalArgumentException if the version was made for another slot
   */
  public Optional<ServingModel> activate(SlotId slot, ServingModel model) {
    if (!model.slot().equals(slot)) {
      throw new IllegalArgumentException(
          "%s cannot be activated in slot %s".formatted(model.ref(), slot));
    }
    return swapAndTell(slot, Optional.of(model));
  }

  /**
   * Empties the slot.
   *
   * @return the version that answered until now; it is being drained and closes by itself
   */
  public Optional<ServingModel> remove(SlotId slot) {
    return swapAndTell(slot, Optional.empty());
  }

  /** Calls after every change, on the thread that made it. */
  public void onChange(Runnable watcher) {
    watchers.add(watcher);
  }

  /** The version that answers in this slot now. */
  public Optional<ServingModel> active(SlotId slot) {
    return Optional.ofNullable(slots.get(slot));
  }

  /** Every active version, ordered by model and version. */
  public List<ServingModel> active() {
    return slots.values().stream()
        .sorted(
            Comparator.comparing((ServingModel model) -> model.version().model().value())
                .thenComparing(model -> model.version().version())
                .thenComparing(model -> model.slot().value()))
        .toList();
  }

  /**
   * The version that answers for this name now.
   *
   * @param version the wanted version; the highest active one when empty
   */
  public Optional<ServingModel> find(ModelName model, Optional<Long> version) {
    return find(slots, model, version);
  }

  /**
   * Leases the version that answers for this name. Close the lease after the run.
   *
   * @param version the wanted version; the highest active one when empty
   */
  public Optional<ModelLease> acquire(ModelName model, Optional<Long> version) {
    while (true) {
      Optional<ServingModel> found = find(slots, model, version);
      if (found.isEmpty()) {
        return Optional.empty();
      }
      // A found version may have been swapped out and drained since: then the slots have changed.
      if (found.get().tryHold()) {
        return found.map(held -> new ModelLease(held, closer));
      }
    }
  }

  /** Leases what answers in this slot. Close the lease after the run. */
  public Optional<ModelLease> acquire(SlotId slot) {
    while (true) {
      ServingModel found = slots.get(slot);
      if (found == null) {
        return Optional.empty();
      }
      if (found.tryHold()) {
        return Optional.of(new ModelLease(found, closer));
      }
    }
  }

  /** Empties every slot; versions close when their last lease has come back. */
  @Override
  public void close() {
    slots.keySet().forEach(this::remove);
  }

  private Optional<ServingModel> swapAndTell(SlotId slot, Optional<ServingModel> next) {
    Optional<ServingModel> previous = swap(slot, next);
    watchers.forEach(Runnable::run);
    return previous;
  }

  private synchronized Optional<ServingModel> swap(SlotId slot, Optional<ServingModel> next) {
    Map<SlotId, ServingModel> changed = new HashMap<>(slots);
    Optional<ServingModel> previous =
        Optional.ofNullable(
            next.isPresent() ? changed.put(slot, next.get()) : changed.remove(slot));
    if (previous.equals(next)) {
      return Optional.empty();
    }
    slots = Map.copyOf(changed);
    previous.ifPresent(model -> model.release(closer));
    return previous;
  }

  private static Optional<ServingModel> find(
      Map<SlotId, ServingModel> slots, ModelName name, Optional<Long> version) {
    ServingModel best = null;
    for (ServingModel model : slots.values()) {
      if (!model.version().model().equals(name)) {
        continue;
      }
      if (version.isPresent()) {
        if (model.version().version() == version.get()) {
          return Optional.of(model);
        }
      } else if (best == null || model.version().version() > best.version().version()) {
        best = model;
      }
    }
    return Optional.ofNullable(best);
  }
}
