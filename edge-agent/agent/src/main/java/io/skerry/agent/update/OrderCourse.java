package io.skerry.agent.update;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.agent.update.UpdateMachine.Transition;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotReport;
import java.time.Duration;
import java.util.Optional;

/** How an order begins, how it ends, and how a slot goes back. Pure, as its callers. */
final class OrderCourse {
  private OrderCourse() {}

  /** Begins a newer order: nothing that earlier ones cost counts against it. */
  static Transition beginNew(SlotState state, DesiredSlot order, Situation situation) {
    return begin(
        state.withCounts(new SlotState.Counts(0, state.loads(), 0, Duration.ZERO)),
        order,
        situation);
  }

  /** Begins an order, or ends it at once where nothing is left to do. */
  static Transition begin(SlotState state, DesiredSlot order, Situation situation) {
    SlotState begun = state.withOrder(order).withPending(Optional.empty()).nextJob();
    if (order.mode() instanceof SlotMode.Off) {
      return Transition.to(
          begun
              .withStep(new Step.Committed(), situation.now())
              .withoutProven(2)
              .withRunning(Optional.empty())
              .withStarts(0),
          new UpdateEffect.Unload(order, state.withPending(Optional.empty())),
          new UpdateEffect.Sweep(),
          new UpdateEffect.Announce(order, Optional.empty()));
    }
    if (SlotState.sameManifest(state.proven(), order) && state.runs(Optional.of(order))) {
      return Transition.to(
          begun
              .withStep(new Step.Committed(), situation.now())
              .withProven(order)
              .withRunning(Optional.of(order))
              .withStarts(0),
          new UpdateEffect.Reconfigure(order),
          new UpdateEffect.Announce(order, Optional.empty()));
    }
    if (!situation.fresh() && !state.isKnown(order)) {
      return Transition.to(
          begun.withStep(new Step.Waiting(Failures.expired(order)), situation.now()));
    }
    return download(begun, new Step.Downloading(1, Optional.empty()), situation);
  }

  /** Begins an attempt to fetch. */
  static Transition download(SlotState state, Step step, Situation situation) {
    SlotState next = state.withStep(step, situation.now());
    return Transition.to(
        next,
        new UpdateEffect.Download(
            next.job(), next.order().orElseThrow(), next.counts().received()));
  }

  /** The order's version has proved itself. */
  static Transition committed(SlotState state, Situation situation) {
    DesiredSlot order = state.order().orElseThrow();
    return Transition.to(
        state.withStep(new Step.Committed(), situation.now()).withProven(order).withStarts(0),
        new UpdateEffect.Sweep(),
        new UpdateEffect.Announce(order, Optional.empty()));
  }

  /** The order came to this end; one that waits for it begins. */
  static Transition end(SlotState state, Step end, Situation situation) {
    UpdateEffect announce = new UpdateEffect.Announce(state.order().orElseThrow(), end.problem());
    if (state.pending().isPresent()) {
      return beginNew(state.withStep(end, situation.now()), state.pending().get(), situation)
          .after(announce);
    }
    return settled(state.withStarts(0), end, situation).after(announce);
  }

  /** At the end of an order; a proven version that does not answer is to be fetched again. */
  static Transition settled(SlotState state, Step end, Situation situation) {
    boolean lost = state.proven().isPresent() && !state.runs(state.proven());
    Step step = lost ? new Step.Repairing(end, 1, Optional.of(situation.now())) : end;
    return Transition.to(state.withStep(step, situation.now()));
  }

  /** Fetches the proven version again. */
  static Transition repair(SlotState state, Step end, int attempt, Situation situation) {
    SlotState next =
        state
            .nextJob()
            .withStarts(state.starts() + 1)
            .withStep(new Step.Repairing(end, attempt, Optional.empty()), situation.now());
    return Transition.to(next, new UpdateEffect.Repair(next.job(), state.proven().orElseThrow()));
  }

  /** Lets what was proven before answer again. */
  static Transition rollBack(
      SlotState state, SlotReport.Failure failure, int attempt, Situation situation) {
    SlotState next =
        state.nextJob().withStep(new Step.RollingBack(failure, attempt), situation.now());
    return Transition.to(next, new UpdateEffect.Restore(next.job(), state.fallbacks()));
  }

  /** An unproven version is not left running unwatched while the next one is fetched. */
  static Transition leaveProbation(SlotState state, DesiredSlot next, Situation situation) {
    if (state.proven().isEmpty()
        || state.runs(state.proven())
        || next.mode() instanceof SlotMode.Off) {
      return beginNew(state, next, situation);
    }
    return rollBack(state.withPending(Optional.of(next)), Failures.superseded(next), 1, situation);
  }
}
