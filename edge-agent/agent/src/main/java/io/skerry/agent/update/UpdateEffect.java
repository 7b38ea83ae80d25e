package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotReport;
import java.util.List;
import java.util.Optional;

/**
 * What a slot's update wants done, after the state that wants it was remembered. Those with a job
 * number answer with Done, Restored or Broken.
 */
sealed interface UpdateEffect {
  /**
   * Fetch what is not yet on disk.
   *
   * @param received bytes that earlier attempts fetched
   */
  record Download(long job, DesiredSlot order, long received) implements UpdateEffect {}

  /** Check digests, signature and profile. */
  record Verify(long job, DesiredSlot order) implements UpdateEffect {}

  /**
   * Load the model and run its acceptance test.
   *
   * @param known whether it committed on this device before: then how fast it is here is known
   */
  record Compile(long job, DesiredSlot order, boolean known) implements UpdateEffect {}

  /** Let the loaded model answer. */
  record Activate(long job, DesiredSlot order) implements UpdateEffect {}

  /** Load the first of these from disk that can be, and let it answer; none of none answers. */
  record Restore(long job, List<DesiredSlot> candidates) implements UpdateEffect {
    public Restore {
      candidates = List.copyOf(candidates);
    }
  }

  /** Fetch a proven version whose artifact was lost, and let it answer. */
  record Repair(long job, DesiredSlot proven) implements UpdateEffect {}

  /** Stop the effect of this number if that is possible. */
  record Cancel(long job) implements UpdateEffect {}

  /** The running version's settings changed. */
  record Reconfigure(DesiredSlot order) implements UpdateEffect {}

  /**
   * Empty the slot.
   *
   * @param before how the slot stood, if a newer order overtakes this before it is done
   */
  record Unload(DesiredSlot order, SlotState before) implements UpdateEffect {}

  /** Free the disk of artifacts that are no longer needed. */
  record Sweep() implements UpdateEffect {}

  /** An order came to its end. */
  record Announce(DesiredSlot order, Optional<SlotReport.Failure> failure)
      implements UpdateEffect {}

  /** Whether it must not wait until the state can be written: it only goes back to safety. */
  default boolean isUrgent() {
    return this instanceof Restore || this instanceof Cancel;
  }
}
