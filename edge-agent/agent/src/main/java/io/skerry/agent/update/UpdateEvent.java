package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotReport;
import java.time.Duration;
import java.util.Optional;

/** What happens to a slot's update. */
sealed interface UpdateEvent {
  /** The process is about to load proven versions from disk. */
  record Loading() implements UpdateEvent {}

  /** The process started; {@code running} is what could be started from disk. */
  record Started(Optional<DesiredSlot> running) implements UpdateEvent {}

  /** The process stops because it was told to. */
  record Stopped() implements UpdateEvent {}

  /** A signed document had an order for this slot. */
  record Ordered(Generation generation, DesiredSlot order) implements UpdateEvent {}

  /**
   * The effect of this number fetched so many more bytes.
   *
   * @param kept of them, those that were checked and stay
   */
  record Received(long job, long bytes, long kept) implements UpdateEvent {}

  /** The effect of this number is done. */
  record Done(long job) implements UpdateEvent {}

  /** The effect of this number let a version answer that had proved itself; empty when none was. */
  record Restored(long job, Optional<DesiredSlot> running) implements UpdateEvent {}

  /**
   * The effect of this number failed.
   *
   * @param retryAfter how long the other side asked to wait
   */
  record Broken(long job, ErrorCode code, String detail, Optional<Duration> retryAfter)
      implements UpdateEvent {}

  /**
   * What the version on probation answered so far, well and not. Sent while it is, as time goes.
   */
  record Counted(long good, long failed) implements UpdateEvent {}

  /** Every slot of the unit is loaded: they switch now. */
  record UnitReady() implements UpdateEvent {}

  /** Every slot of the unit has proved itself: they commit now. */
  record UnitProved() implements UpdateEvent {}

  /** A slot of the unit did not hold: none goes on. */
  record UnitBroken(SlotReport.Failure failure) implements UpdateEvent {}

  /**
   * A slot of the unit goes back: what was switched in with it goes too. The order is begun anew
   * afterwards.
   */
  record UnitLeft(SlotReport.Failure failure) implements UpdateEvent {}

  /**
   * A newer order came before the slot was emptied, which now it is not.
   *
   * @param before how it stood then, and stands again
   */
  record StaysOn(SlotState before) implements UpdateEvent {}

  /**
   * Time in which nothing could be written down, and so no step be begun.
   *
   * @param isWaiting whether what the step began waits for that, so that nobody works at it
   */
  record Held(Duration time, boolean isWaiting) implements UpdateEvent {}

  /** Time went by. */
  record Ticked() implements UpdateEvent {}
}
