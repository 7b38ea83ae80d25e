package io.skerry.agent.update;

import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.Optional;

/** How far a slot is with its order; carries what only this step knows. */
sealed interface Step {
  /** No order was ever given. */
  record Idle() implements Step {}

  /** The order may not begin yet; it begins by itself. */
  record Waiting(SlotReport.Failure failure) implements Step {}

  /**
   * Blobs are fetched.
   *
   * @param attempt from 1; counts from 1 again whenever an attempt brought something
   * @param retryAt when the attempt begins; empty when it runs
   */
  record Downloading(int attempt, Optional<Instant> retryAt) implements Step {}

  /** Digests, signature and profile are checked. */
  record Verifying(int attempt) implements Step {}

  /** Everything is on disk and checked. */
  record Staged() implements Step {}

  /**
   * The engine loads the model, which passes its acceptance test.
   *
   * @param reachable whether the control plane was reachable when this began
   */
  record Compiling(boolean reachable) implements Step {}

  /**
   * The model is loaded, and waits for the other slots of its unit.
   *
   * @param reachable whether the control plane was reachable when the load began
   */
  record Ready(boolean reachable) implements Step {}

  /** The new version takes over. */
  record Activating(boolean reachable) implements Step {}

  /**
   * The new version answers, but has not proved itself.
   *
   * @param until when the wait for predictions ends
   * @param graceUntil when the wait for the control plane ends
   * @param reachable whether the control plane was reachable before the switch
   * @param reached whether it was reached since
   */
  record Probation(Instant until, Instant graceUntil, boolean reachable, boolean reached)
      implements Step {}

  /** The new version proved itself, and waits for the other slots of its unit. */
  record Proved() implements Step {}

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

  /**
   * The order is over, but the proven version does not answer: its artifact was lost or damaged on
   * disk, and is fetched again.
   *
   * @param end how the order ended
   * @param retryAt when the attempt begins; empty when it runs
   */
  record Repairing(Step end, int attempt, Optional<Instant> retryAt) implements Step {}

  /** The phase as reported. */
  default SlotPhase phase() {
    return switch (this) {
      case Idle idle -> SlotPhase.IDLE;
      case Waiting waiting -> SlotPhase.IDLE;
      case Downloading downloading -> SlotPhase.DOWNLOADING;
      case Verifying verifying -> SlotPhase.VERIFYING;
      case Staged staged -> SlotPhase.STAGED;
      case Compiling compiling -> SlotPhase.COMPILING;
      case Ready ready -> SlotPhase.STAGED;
      case Activating activating -> SlotPhase.ACTIVATING;
      case Probation probation -> SlotPhase.PROBATION;
      case Proved proved -> SlotPhase.PROBATION;
      case Committed committed -> SlotPhase.COMMITTED;
      case RollingBack rollingBack -> SlotPhase.PROBATION;
      case RolledBack rolledBack -> SlotPhase.ROLLED_BACK;
      case Rejected rejected -> SlotPhase.REJECTED;
      case Failed failed -> SlotPhase.FAILED;
      case Repairing(Step end, int attempt, Optional<Instant> retryAt) -> end.phase();
    };
  }

  /** Why the order did not succeed, or does not. */
  default Optional<SlotReport.Failure> problem() {
    return switch (this) {
      case Waiting(SlotReport.Failure failure) -> Optional.of(failure);
      case RollingBack(SlotReport.Failure failure, int attempt) -> Optional.of(failure);
      case RolledBack(SlotReport.Failure failure) -> Optional.of(failure);
      case Rejected(SlotReport.Failure failure) -> Optional.of(failure);
      case Failed(SlotReport.Failure failure) -> Optional.of(failure);
      case Repairing(Step end, int attempt, Optional<Instant> retryAt) -> end.problem();
      case Idle idle -> Optional.empty();
      case Downloading downloading -> Optional.empty();
      case Verifying verifying -> Optional.empty();
      case Staged staged -> Optional.empty();
      case Compiling compiling -> Optional.empty();
      case Ready ready -> Optional.empty();
      case Activating activating -> Optional.empty();
      case Probation probation -> Optional.empty();
      case Proved proved -> Optional.empty();
      case Committed committed -> Optional.empty();
    };
  }

  /**
   * Whether an unproven version is loaded or answers: what stops the agent now may be its fault.
   */
  default boolean isDangerous() {
    return this instanceof Compiling
        || this instanceof Ready
        || this instanceof Activating
        || this instanceof Probation
        || this instanceof Proved;
  }
}
