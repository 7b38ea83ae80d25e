package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Generation;
import java.util.Optional;

/**
 * Everything a slot's update knows.
 *
 * @param generation of the document that brought the newest order
 * @param order what {@code step} speaks of
 * @param running what answers now in this process, proven or not
 * @param proven the last version that committed: runs after a restart and after a rollback
 * @param previous the proven version before that one; its artifact stays on disk
 * @param pending an order that came when nothing could be interrupted
 * @param starts how often the order was begun to be loaded without proving itself
 * @param job number of the newest effect; what older ones tell is ignored
 */
record SlotState(
    Generation generation,
    Optional<DesiredSlot> order,
    Step step,
    Optional<DesiredSlot> running,
    Optional<DesiredSlot> proven,
    Optional<DesiredSlot> previous,
    Optional<DesiredSlot> pending,
    int starts,
    long job) {
  static final SlotState INITIAL =
      new SlotState(
          Generation.NONE,
          Optional.empty(),
          new Step.Idle(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          0,
          0);

  SlotState withGeneration(Generation value) {
    return new SlotState(value, order, step, running, proven, previous, pending, starts, job);
  }

  SlotState withOrder(DesiredSlot value) {
    return new SlotState(
        generation, Optional.of(value), step, running, proven, previous, pending, starts, job);
  }

  SlotState withStep(Step value) {
    return new SlotState(generation, order, value, running, proven, previous, pending, starts, job);
  }

  SlotState withRunning(Optional<DesiredSlot> value) {
    return new SlotState(generation, order, step, value, proven, previous, pending, starts, job);
  }

  SlotState withProven(DesiredSlot value) {
    boolean same = proven.filter(old -> old.manifest().equals(value.manifest())).isPresent();
    return new SlotState(
        generation,
        order,
        step,
        running,
        Optional.of(value),
        same ? previous : proven,
        pending,
        starts,
        job);
  }

  SlotState withPending(Optional<DesiredSlot> value) {
    return new SlotState(generation, order, step, running, proven, previous, value, starts, job);
  }

  SlotState withStarts(int value) {
    return new SlotState(generation, order, step, running, proven, previous, pending, value, job);
  }

  SlotState nextJob() {
    return new SlotState(
        generation, order, step, running, proven, previous, pending, starts, job + 1);
  }
}
