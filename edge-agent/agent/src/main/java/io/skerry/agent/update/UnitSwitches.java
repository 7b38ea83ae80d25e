package io.skerry.agent.update;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.UnitName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * The switches of units: all slots of one change at one moment. Its user holds its lock while it
 * calls.
 */
final class UnitSwitches {
  private final ModelSlots slots;
  private final SlotSwitch models;
  private final Function<SlotId, SlotState> states;
  private final BiConsumer<SlotId, UpdateEvent> news;

  /**
   * Makes switches.
   *
   * @param states how a slot stands now
   * @param news is told what became of it
   */
  UnitSwitches(
      ModelSlots slots,
      SlotSwitch models,
      Function<SlotId, SlotState> states,
      BiConsumer<SlotId, UpdateEvent> news) {
    this.slots = slots;
    this.models = models;
    this.states = states;
    this.news = news;
  }

  /**
   * Takes the switches of units out of what is due, and makes those of one unit at once: nothing in
   * them waits, so that nothing can come between.
   *
   * @return whether there were any
   */
  boolean take(List<Wanted> due) {
    Map<UnitName, List<Wanted>> activations = new HashMap<>();
    Map<UnitName, List<Wanted>> restores = new HashMap<>();
    for (Wanted next : due) {
      Optional<UnitName> unit = states.apply(next.slot()).order().flatMap(DesiredSlot::unit);
      if (unit.isPresent() && next.effect() instanceof UpdateEffect.Activate) {
        activations.computeIfAbsent(unit.get(), u -> new ArrayList<>()).add(next);
      } else if (unit.isPresent()
          && next.effect() instanceof UpdateEffect.Restore(long job, List<DesiredSlot> candidates)
          && (candidates.isEmpty() || models.standsBy(next.slot()))) {
        restores.computeIfAbsent(unit.get(), u -> new ArrayList<>()).add(next);
      }
    }
    restores.values().forEach(this::restoreUnit);
    activations.values().forEach(this::activateUnit);
    restores.values().forEach(due::removeAll);
    activations.values().forEach(due::removeAll);
    return !activations.isEmpty() || !restores.isEmpty();
  }

  private void activateUnit(List<Wanted> parts) {
    List<DesiredSlot> orders = new ArrayList<>();
    for (Wanted part : parts) {
      if (part.effect() instanceof UpdateEffect.Activate(long job, DesiredSlot order)
          && states.apply(part.slot()).job() == job) {
        orders.add(order);
      }
    }
    try {
      if (orders.size() < parts.size()) {
        throw new UpdateException(
            ErrorCode.SUPERSEDED, "a slot of the unit is no longer wanted as it was");
      }
      models.activateUnit(orders);
      orders.forEach(
          order ->
              news.accept(order.slot(), new UpdateEvent.Done(states.apply(order.slot()).job())));
    } catch (UpdateException e) {
      orders.forEach(
          order ->
              news.accept(
                  order.slot(),
                  new UpdateEvent.Broken(
                      states.apply(order.slot()).job(),
                      e.code(),
                      String.valueOf(e.getMessage()),
                      Optional.empty())));
    }
  }

  private void restoreUnit(List<Wanted> parts) {
    Map<SlotId, List<Digest>> unit = new HashMap<>();
    for (Wanted part : parts) {
      unit.put(
          part.slot(),
          states.apply(part.slot()).fallbacks().stream().map(DesiredSlot::manifest).toList());
    }
    models.restoreUnit(unit);
    for (SlotId slot : unit.keySet()) {
      SlotState state = states.apply(slot);
      Optional<DesiredSlot> running =
          state.fallbacks().stream()
              .filter(
                  known ->
                      slots.active(slot).map(ServingModel::manifest).stream()
                          .anyMatch(known.manifest()::equals))
              .findFirst();
      news.accept(slot, new UpdateEvent.Restored(state.job(), running));
    }
  }
}
