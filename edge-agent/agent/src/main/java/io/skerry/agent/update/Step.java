package io.skerry.agent.update;

import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.Optional;

/** How far a slot is with its order; carries what only this step knows. */
sealed interface Step {
  /** No order was ever given. */
  record Idle() implements Step {}

  /**
   * Blobs are fetched.
   *
   * @param attempt from 1
   * @param retryAt when the attempt begins; empty when it runs
   */
  record Downloading(int attempt, Optional<Instant> retryAt) implements Step {}

  /** Digests, signature and profile are checked. */
  record Verifying(int attempt) implements Step {}

  /** Everything is on disk and checked. */
  record Staged() implements Step {}

  /** The engine loads the model and answers its golden inputs. */
  record Compiling() implements Step {}

  /** The new version takes over. */
  record Activating() implements Step {}

  /** The new version answers, but has not proved itself. */
  record Probation(Instant until) implements Step {}

  /** The new version proved itself. */
  record Committed() implements Step {}

  /** The version before it takes over again. */
  record RollingBack(SlotReport.Failure failure, int attempt) implements Step {}

  /** The version before it answers again. */
  record RolledBack(SlotReport.Failure failure) implements Step {}

  /** This device can never carry the order out. */
  record Rejected(SlotReport.Failure failure) implements Step {}

  /** The order failed for a cause that may pass. */
  record Failed(SlotReport.Failure failure) implements Step {}

  /** The phase as reported. */
  default SlotPhase phase() {
    return switch (this) {
      case Idle idle -> SlotPhase.IDLE;
      case Downloading downloading -> SlotPhase.DOWNLOADING;
      case Verifying verifying -> SlotPhase.VERIFYING;
      case Staged staged -> SlotPhase.STAGED;
      case Compiling compiling -> SlotPhase.COMPILING;
      case Activating activating -> SlotPhase.ACTIVATING;
      case Probation probation -> SlotPhase.PROBATION;
      case Committed committed -> SlotPhase.COMMITTED;
      case RollingBack rollingBack -> SlotPhase.PROBATION;
      case RolledBack rolledBack -> SlotPhase.ROLLED_BACK;
      case Rejected rejected -> SlotPhase.REJECTED;
      case Failed failed -> SlotPhase.FAILED;
    };
  }

  /** Why the order did not succeed, or does not. */
  default Optional<SlotReport.Failure> problem() {
    return switch (this) {
      case RollingBack(SlotReport.Failure failure, int attempt) -> Optional.of(failure);
      case RolledBack(SlotReport.Failure failure) -> Optional.of(failure);
      case Rejected(SlotReport.Failure failure) -> Optional.of(failure);
      case Failed(SlotReport.Failure failure) -> Optional.of(failure);
      case Idle idle -> Optional.empty();
      case Downloading downloading -> Optional.empty();
      case Verifying verifying -> Optional.empty();
      case Staged staged -> Optional.empty();
      case Compiling compiling -> Optional.empty();
      case Activating activating -> Optional.empty();
      case Probation probation -> Optional.empty();
      case Committed committed -> Optional.empty();
    };
  }
}
