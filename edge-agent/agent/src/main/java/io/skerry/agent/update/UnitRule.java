package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.UnitName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides what the slots of a unit do together: they switch when all are loaded, they commit when
 * all have proved themselves, and when one fails none goes on. Pure.
 */
final class UnitRule {
  private UnitRule() {}

  /** What is to be told to slots now, so that units stay together; none when they do. */
  static Map<SlotId, UpdateEvent> news(Map<SlotId, SlotState> states) {
    Map<UnitName, List<SlotId>> units = new HashMap<>();
    states.forEach(
        (slot, state) ->
            state
                .unit()
                .ifPresent(unit -> units.computeIfAbsent(unit, u -> new ArrayList<>()).add(slot)));
    Map<SlotId, UpdateEvent> news = left(states);
    if (news.isEmpty()) {
      units.forEach((unit, slots) -> news.putAll(news(unit, slots, states)));
    }
    return news;
  }

  /**
   * A slot that goes back takes along what was switched in with it and is not proven, whatever is
   * wanted there by now: the others of its unit run what was before.
   */
  private static Map<SlotId, UpdateEvent> left(Map<SlotId, SlotState> states) {
    Map<SlotId, UpdateEvent> news = new HashMap<>();
    states.forEach(
        (gone, state) -> {
          Optional<UnitName> unit = state.order().flatMap(DesiredSlot::unit);
          if (unit.isPresent() && state.step() instanceof Step.RollingBack step) {
            SlotReport.Failure failure = failure(unit.get(), gone, step);
            states.forEach(
                (slot, other) -> {
                  if (runsUnproven(other, unit) && canGoBack(other.step())) {
                    boolean broken = state.pending().isEmpty() && isOnProbation(other.step());
                    news.put(
                        slot,
                        broken
                            ? new UpdateEvent.UnitBroken(failure)
                            : new UpdateEvent.UnitLeft(failure));
                  }
                });
          }
        });
    return news;
  }

  private static boolean runsUnproven(SlotState state, Optional<UnitName> unit) {
    return state
        .running()
        .filter(running -> running.unit().equals(unit) && !state.isKnown(running))
        .isPresent();
  }

  private static boolean isOnProbation(Step step) {
    return step instanceof Step.Probation || step instanceof Step.Proved;
  }

  private static boolean canGoBack(Step step) {
    return !(step instanceof Step.RollingBack || step instanceof Step.Activating);
  }

  private static Map<SlotId, UpdateEvent> news(
      UnitName unit, List<SlotId> slots, Map<SlotId, SlotState> states) {
    Map<SlotId, UpdateEvent> news = new HashMap<>();
    Optional<SlotId> broken =
        slots.stream()
            .filter(slot -> isBroken(state(states, slot).step()))
            .sorted((one, other) -> one.value().compareTo(other.value()))
            .findFirst();
    if (broken.isPresent()) {
      SlotReport.Failure failure = failure(unit, broken.get(), state(states, broken.get()).step());
      // One that goes back for a newer order breaks nobody's newer order.
      boolean again = state(states, broken.get()).pending().isPresent();
      for (SlotId slot : slots) {
        if (!again && isUnderWay(state(states, slot).step())) {
          news.put(slot, new UpdateEvent.UnitBroken(failure));
        }
      }
    } else if (all(slots, states, Step.Ready.class)) {
      tell(slots, states, Step.Ready.class, new UpdateEvent.UnitReady(), news);
    } else if (all(slots, states, Step.Proved.class)) {
      tell(slots, states, Step.Proved.class, new UpdateEvent.UnitProved(), news);
    }
    return news;
  }

  /** Whether every slot is at this step, or was there before. */
  private static boolean all(
      List<SlotId> slots, Map<SlotId, SlotState> states, Class<? extends Step> step) {
    return slots.stream()
        .map(slot -> state(states, slot).step())
        .allMatch(now -> step.isInstance(now) || now instanceof Step.Committed);
  }

  private static void tell(
      List<SlotId> slots,
      Map<SlotId, SlotState> states,
      Class<? extends Step> step,
      UpdateEvent event,
      Map<SlotId, UpdateEvent> news) {
    for (SlotId slot : slots) {
      if (step.isInstance(state(states, slot).step())) {
        news.put(slot, event);
      }
    }
  }

  private static SlotState state(Map<SlotId, SlotState> states, SlotId slot) {
    return states.getOrDefault(slot, SlotState.INITIAL);
  }

  private static boolean isBroken(Step step) {
    return switch (step) {
      case Step.RollingBack _, Step.RolledBack _, Step.Rejected _, Step.Failed _ -> true;
      case Step.Repairing(Step end, int attempt, var retryAt) -> isBroken(end);
      case Step.Idle _,
          Step.Waiting _,
          Step.Downloading _,
          Step.Verifying _,
          Step.Staged _,
          Step.Compiling _,
          Step.Ready _,
          Step.Activating _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _ ->
          false;
    };
  }

  /** Whether the order can still be given up: a switch that has begun ends first. */
  private static boolean isUnderWay(Step step) {
    return switch (step) {
      case Step.Waiting _,
          Step.Downloading _,
          Step.Verifying _,
          Step.Staged _,
          Step.Compiling _,
          Step.Ready _,
          Step.Probation _,
          Step.Proved _ ->
          true;
      case Step.Idle _,
          Step.Activating _,
          Step.RollingBack _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _,
          Step.Repairing _,
          Step.Committed _ ->
          false;
    };
  }

  private static SlotReport.Failure failure(UnitName unit, SlotId slot, Step step) {
    return new SlotReport.Failure(
        ErrorCode.UNIT_BROKEN,
        "slot %s of unit %s did not hold: %s"
            .formatted(
                slot,
                unit,
                step.problem()
                    .map(problem -> problem.code() + ": " + problem.detail())
                    .orElse(step.phase().name())));
  }
}
