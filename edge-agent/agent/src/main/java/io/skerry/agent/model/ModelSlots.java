package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

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
  private volatile Traffic traffic = Traffic.NONE;

  /** Closes retired versions on threads of its own, so that no prediction waits for it. */
  public ModelSlots() {
    this(close -> Thread.ofPlatform().daemon().name("model-closer").start(close));
  }

  /** Closes retired versions on the given executor. */
  public ModelSlots(Executor closer) {
    this.closer = closer;
  }

  /**
   * What is to be in a slot from now on.
   *
   * @param model nothing when empty
   */
  public record Change(SlotId slot, Optional<ServingModel> model, SlotMode mode) {
    /**
     * Checks the slot.
     *
     * @throws IllegalArgumentException if the version was made for another slot
     */
    public Change {
      if (model.filter(next -> !next.slot().equals(slot)).isPresent()) {
        throw new IllegalArgumentException(
            "%s cannot be activated in slot %s".formatted(model.get().ref(), slot));
      }
    }
  }

  /**
   * Makes this version answer in the slot from now on.
   *
   * @return the version that answered until now; it is being drained and closes by itself
   * @throws IllegalArgumentException if the version was made for another slot
   */
  public Optional<ServingModel> activate(SlotId slot, ServingModel model) {
    return swapAndTell(slot, Optional.of(model));
  }

  /**
   * Changes several slots at once: no request meets some of the changes without the others.
   * Versions that answered until now drain and close by themselves.
   */
  public void change(List<Change> changes) {
    swap(changes);
    tell();
  }

  /** Changes what the version in this slot is for; without effect on an empty slot. */
  public synchronized void use(SlotId slot, SlotMode mode) {
    Traffic.Occupant now = traffic.occupants().get(slot);
    if (now != null && !now.mode().equals(mode)) {
      traffic = traffic.with(Map.of(slot, Optional.of(new Traffic.Occupant(now.model(), mode))));
    }
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

  /** Calls those who watch: what they look at beside the slots has changed. */
  public void tell() {
    watchers.forEach(Runnable::run);
  }

  /** The version that is in this slot now. */
  public Optional<ServingModel> active(SlotId slot) {
    return Optional.ofNullable(traffic.in(slot));
  }

  /** What the version in this slot is for. */
  public Optional<SlotMode> mode(SlotId slot) {
    return Optional.ofNullable(traffic.occupants().get(slot)).map(Traffic.Occupant::mode);
  }

  /** The version in every slot, ordered by model and version. */
  public List<ServingModel> active() {
    return traffic.occupants().values().stream()
        .map(Traffic.Occupant::model)
        .sorted(
            Comparator.comparing((ServingModel model) -> model.version().model().value())
                .thenComparing(model -> model.version().version())
                .thenComparing(model -> model.slot().value()))
        .toList();
  }

  /**
   * The version that answers for this name now, trials aside.
   *
   * @param version the wanted version; the highest active one when empty
   */
  public Optional<ServingModel> find(ModelName model, Optional<Long> version) {
    return Optional.ofNullable(traffic.named(model, version));
  }

  /**
   * Whether a request is known to be answered quickly, also by a version on trial if one may.
   *
   * @param model what answers for the name, trials aside
   * @param version the wanted version, which no trial answers for; none when empty
   * @param key of the request; empty when it has none
   * @param bytes of its inputs
   */
  public boolean isShort(ServingModel model, Optional<Long> version, String key, long bytes) {
    return traffic.isShort(model, version, key, bytes);
  }

  /**
   * Leases the version that answers for this name, trials aside. Close the lease after the run.
   *
   * @param version the wanted version; the highest active one when empty
   */
  public Optional<ModelLease> acquire(ModelName model, Optional<Long> version) {
    return lease(now -> now.named(model, version));
  }

  /**
   * Leases the version that answers this request. Close the lease after the run.
   *
   * @param version the wanted version; when empty the highest active one, or one on trial beside it
   * @param key of the request: the same key gets the same version while shares stay
   */
  public Optional<ModelLease> acquire(ModelName model, Optional<Long> version, String key) {
    return lease(now -> now.named(model, version, key));
  }

  /** Leases what is in this slot. Close the lease after the run. */
  public Optional<ModelLease> acquire(SlotId slot) {
    return lease(now -> now.in(slot));
  }

  /**
   * Leases what answers for each of these names, all at one moment, trials aside. Close every lease
   * after the run.
   *
   * @return in the order of the names; empty when nothing answers for one of them
   */
  Optional<List<ModelLease>> acquireAll(List<ModelName> models) {
    while (true) {
      Traffic now = traffic;
      List<ModelLease> leases = new ArrayList<>(models.size());
      boolean drained = false;
      for (ModelName name : models) {
        ServingModel found = now.named(name, Optional.empty());
        if (found == null) {
          leases.forEach(ModelLease::close);
          return Optional.empty();
        }
        if (!found.tryHold()) {
          drained = true;
          break;
        }
        leases.add(lease(found));
      }
      if (!drained) {
        return Optional.of(leases);
      }
      leases.forEach(ModelLease::close);
    }
  }

  /** A choice among what answers at one moment. */
  private interface Choice {
    @Nullable ServingModel of(Traffic now);
  }

  private Optional<ModelLease> lease(Choice choice) {
    while (true) {
      ServingModel found = choice.of(traffic);
      if (found == null) {
        return Optional.empty();
      }
      // A found version may have been swapped out and drained since: then the slots have changed.
      if (found.tryHold()) {
        return Optional.of(lease(found));
      }
    }
  }

  /** The lease of a version that is held already. */
  ModelLease lease(ServingModel held) {
    return new ModelLease(held, closer);
  }

  /** The versions that get copies of what this slot answers. */
  List<Traffic.Shared> shadows(SlotId slot) {
    return traffic.shadows(slot);
  }

  /** Whether a version of the second signature can answer requests that are made for the first. */
  public static boolean takesOver(ModelSignature asked, ModelSignature answering) {
    return Traffic.takesOver(asked, answering);
  }

  /** Empties every slot; versions close when their last lease has come back. */
  @Override
  public void close() {
    traffic.occupants().keySet().forEach(this::remove);
  }

  private Optional<ServingModel> swapAndTell(SlotId slot, Optional<ServingModel> next) {
    Map<SlotId, ServingModel> previous =
        swap(List.of(new Change(slot, next, new SlotMode.Active())));
    watchers.forEach(Runnable::run);
    return Optional.ofNullable(previous.get(slot));
  }

  /** What answered until now in the slots where that is another version. */
  private synchronized Map<SlotId, ServingModel> swap(List<Change> changes) {
    Map<SlotId, Optional<Traffic.Occupant>> next = new HashMap<>();
    Map<SlotId, ServingModel> previous = new HashMap<>();
    for (Change change : changes) {
      next.put(
          change.slot(), change.model().map(model -> new Traffic.Occupant(model, change.mode())));
      ServingModel before = traffic.in(change.slot());
      if (before != null && !change.model().equals(Optional.of(before))) {
        previous.put(change.slot(), before);
      }
    }
    traffic = traffic.with(next);
    previous.values().forEach(model -> model.release(closer));
    return previous;
  }
}
