package io.skerry.agent.update;

import io.skerry.agent.model.ModelLease;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models that are loaded but do not answer yet, and the switch between those that do. Thread-safe.
 */
final class SlotSwitch {
  private static final Logger log = LoggerFactory.getLogger(SlotSwitch.class);

  private final ModelSlots slots;
  private final ModelWatch watch;
  private final PlanRepairs plans;
  private final AtomicLong switches = new AtomicLong();
  private final Map<SlotId, PreparedModel> prepared = new HashMap<>();
  private final Map<SlotId, Standby> standby = new HashMap<>();

  /** What answered in a slot before its unit switched; nothing when empty. */
  private record Standby(Optional<ModelLease> lease, SlotMode mode) {}

  SlotSwitch(ModelSlots slots, ModelWatch watch, PlanRepairs plans) {
    this.slots = slots;
    this.watch = watch;
    this.plans = plans;
  }

  /** Keeps a loaded model until it is activated. */
  synchronized void prepare(SlotId slot, PreparedModel model) {
    drop(Optional.ofNullable(prepared.put(slot, model)));
  }

  /** Closes what was loaded for this slot and will not be activated. */
  synchronized void discard(SlotId slot) {
    drop(Optional.ofNullable(prepared.remove(slot)));
  }

  private static void drop(Optional<PreparedModel> model) {
    model.ifPresent(old -> old.model().close());
  }

  /** What was prepared for this order. */
  synchronized PreparedModel take(SlotId slot, DesiredSlot order) throws UpdateException {
    PreparedModel model = prepared.remove(slot);
    if (model != null && model.order().manifest().equals(order.manifest())) {
      return model;
    }
    drop(Optional.ofNullable(model));
    throw new UpdateException(
        ErrorCode.INTERNAL, "%s is not loaded in slot %s".formatted(order.version(), slot));
  }

  /** Lets a model answer from now on. */
  void activate(PreparedModel model, boolean onProbation) {
    change(List.of(change(model, onProbation)));
    log(model.order());
  }

  private ModelSlots.Change change(PreparedModel model, boolean onProbation) {
    DesiredSlot order = model.order();
    ServingModel serving =
        new ServingModel(
            order.slot(),
            order.version(),
            order.manifest(),
            model.model(),
            ModelTraits.of(model.model().signature()).withLabels(model.labels()));
    if (onProbation) {
      serving.judge();
    }
    watch.watch(model.ref(), model.plan(), order);
    if (model.plan().isUnread()) {
      plans.unread(order);
    } else {
      plans.read(order);
    }
    return new ModelSlots.Change(order.slot(), Optional.of(serving), order.mode());
  }

  private static void log(DesiredSlot order) {
    log.atInfo()
        .addKeyValue("slot", order.slot())
        .addKeyValue("version", order.version())
        .log("version activated");
  }

  /**
   * Lets what was prepared for these orders answer, all at once. What answered until now stays
   * loaded, so that all can go back at once.
   *
   * @throws UpdateException if something is not loaded; then nothing is switched
   */
  synchronized void activateUnit(List<DesiredSlot> orders) throws UpdateException {
    List<PreparedModel> models = new ArrayList<>();
    try {
      for (DesiredSlot order : orders) {
        models.add(take(order.slot(), order));
      }
    } catch (UpdateException e) {
      models.forEach(model -> model.model().close());
      throw e;
    }
    for (DesiredSlot order : orders) {
      standDown(order.slot());
      standby.put(
          order.slot(),
          new Standby(
              slots.acquire(order.slot()),
              slots.mode(order.slot()).orElseGet(SlotMode.Active::new)));
    }
    change(models.stream().map(model -> change(model, true)).toList());
    orders.forEach(SlotSwitch::log);
  }

  /** Whether what answered before the unit's switch is still loaded. */
  synchronized boolean standsBy(SlotId slot) {
    return standby.containsKey(slot);
  }

  /**
   * Lets what is proven answer again in all slots of a unit at once, as far as it is still loaded;
   * the other slots are emptied. What answered before the unit's switch without having proved
   * itself does not come back: it never ran beside what the other slots go back to.
   *
   * @param unit manifests that are proven, best first, by slot
   */
  synchronized void restoreUnit(Map<SlotId, List<Digest>> unit) {
    List<ModelSlots.Change> changes = new ArrayList<>();
    unit.forEach((slot, proven) -> changes.add(restored(slot, proven)));
    change(changes);
    unit.keySet().forEach(this::standDown);
  }

  private ModelSlots.Change restored(SlotId slot, List<Digest> proven) {
    Optional<Standby> before = Optional.ofNullable(standby.get(slot));
    Optional<ModelLease> waiting = before.flatMap(Standby::lease);
    Optional<ServingModel> active = slots.active(slot);
    for (Digest manifest : proven) {
      if (waiting.filter(lease -> lease.model().manifest().equals(manifest)).isPresent()) {
        return new ModelSlots.Change(
            slot, waiting.map(ModelLease::keepServing), before.orElseThrow().mode());
      }
      if (active.filter(model -> model.manifest().equals(manifest)).isPresent()) {
        return new ModelSlots.Change(
            slot, active, slots.mode(slot).orElseGet(SlotMode.Active::new));
      }
    }
    return new ModelSlots.Change(slot, Optional.empty(), new SlotMode.Active());
  }

  /** Closes what answered before the unit's switch, once nobody needs it. */
  synchronized void standDown(SlotId slot) {
    Standby before = standby.remove(slot);
    if (before != null) {
      before.lease().ifPresent(ModelLease::close);
    }
  }

  private void change(List<ModelSlots.Change> changes) {
    slots.change(changes);
    switches.incrementAndGet();
  }

  /** How often a version was switched in or out. */
  long switches() {
    return switches.get();
  }

  synchronized void close() {
    List.copyOf(standby.keySet()).forEach(this::standDown);
    prepared.values().forEach(model -> model.model().close());
    prepared.clear();
  }
}
