package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import java.util.Optional;

/** What happens to a slot's update. */
sealed interface UpdateEvent {
  /** The process started; {@code running} is what could be started from disk. */
  record Started(Optional<DesiredSlot> running) implements UpdateEvent {}

  /** A signed document had an order for this slot. */
  record Ordered(Generation generation, DesiredSlot order) implements UpdateEvent {}

  /** The effect of this number is done. */
  record Done(long job) implements UpdateEvent {}

  /** The effect of this number failed. */
  record Broken(long job, ErrorCode code, String detail) implements UpdateEvent {}

  /** What the version on probation answered so far, well and not. */
  record Counted(long good, long failed) implements UpdateEvent {}

  /** Time went by. */
  record Ticked() implements UpdateEvent {}
}
