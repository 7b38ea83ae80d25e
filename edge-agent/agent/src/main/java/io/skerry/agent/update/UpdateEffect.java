package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotReport;
import java.util.Optional;

/** What a slot's update wants done. Those with a job number answer with Done or Broken. */
sealed interface UpdateEffect {
  /** Fetch what is not yet on disk. */
  record Download(long job, DesiredSlot order) implements UpdateEffect {}

  /** Check digests, signature and profile. */
  record Verify(long job, DesiredSlot order) implements UpdateEffect {}

  /** Load the model and run its golden inputs. */
  record Compile(long job, DesiredSlot order) implements UpdateEffect {}

  /** Let the loaded model answer. */
  record Activate(long job, DesiredSlot order) implements UpdateEffect {}

  /** Load a proven version from disk and let it answer; nothing answers when there is none. */
  record Restore(long job, Optional<DesiredSlot> proven) implements UpdateEffect {}

  /** Stop the effect of this number if that is possible. */
  record Cancel(long job) implements UpdateEffect {}

  /** The running version's settings changed. */
  record Reconfigure(DesiredSlot order) implements UpdateEffect {}

  /** Free the disk of artifacts that are no longer needed. */
  record Sweep() implements UpdateEffect {}

  /** An order came to its end. */
  record Announce(DesiredSlot order, Optional<SlotReport.Failure> failure)
      implements UpdateEffect {}
}
