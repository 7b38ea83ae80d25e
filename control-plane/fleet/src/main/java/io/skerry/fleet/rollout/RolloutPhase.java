package io.skerry.fleet.rollout;

import io.skerry.protocol.RolloutId;

/** Where a rollout stands; each phase knows what it needs. */
public sealed interface RolloutPhase {
  /** Written down, not checked. */
  record Draft() implements RolloutPhase {}

  /** Handed in; somebody else than its author must approve it. */
  record WaitingForApproval() implements RolloutPhase {}

  /** Checked, not started. */
  record Ready() implements RolloutPhase {}

  /** Working on a stage, counted from 0. */
  record Running(int stage) implements RolloutPhase {}

  /** Opens nothing until resumed; devices already offered go on. */
  record Paused(int stage, PauseReason why, String reason) implements RolloutPhase {}

  /** Takes back what no device has begun and lets the others come to an end. */
  record Aborting(String reason) implements RolloutPhase {}

  /** Stopped; what is committed stays. */
  record Aborted(String reason) implements RolloutPhase {}

  /** Puts every touched device back on what it ran before. */
  record RollingBack(String reason) implements RolloutPhase {}

  /** Every touched device was put back, or was ordered back and is offline. */
  record RolledBack(String reason) implements RolloutPhase {}

  /**
   * Every stage passed.
   *
   * @param verdict what a trial showed; empty for others
   */
  record Succeeded(String verdict) implements RolloutPhase {}

  /** A newer rollout of the same slot took over. */
  record Superseded(RolloutId by) implements RolloutPhase {}

  /** Whether nothing can follow. */
  default boolean isTerminal() {
    return switch (this) {
      case Draft _, WaitingForApproval _, Ready _, Running _, Paused _ -> false;
      case Aborting _, RollingBack _ -> false;
      case Aborted _, RolledBack _, Succeeded _, Superseded _ -> true;
    };
  }

  /** The wire name, for example {@code ROLLING_BACK}. */
  default String code() {
    return switch (this) {
      case Draft _ -> "DRAFT";
      case WaitingForApproval _ -> "WAITING_FOR_APPROVAL";
      case Ready _ -> "READY";
      case Running _ -> "RUNNING";
      case Paused _ -> "PAUSED";
      case Aborting _ -> "ABORTING";
      case Aborted _ -> "ABORTED";
      case RollingBack _ -> "ROLLING_BACK";
      case RolledBack _ -> "ROLLED_BACK";
      case Succeeded _ -> "SUCCEEDED";
      case Superseded _ -> "SUPERSEDED";
    };
  }

  /** Why it is in this phase, empty when nothing is to be said. */
  default String explanation() {
    return switch (this) {
      case Draft _, Ready _, Running _ -> "";
      case WaitingForApproval _ -> "somebody else than its author must approve it";
      case Succeeded succeeded -> succeeded.verdict();
      case Paused paused -> paused.reason();
      case Aborting aborting -> aborting.reason();
      case Aborted aborted -> aborted.reason();
      case RollingBack rollingBack -> rollingBack.reason();
      case RolledBack rolledBack -> rolledBack.reason();
      case Superseded superseded -> "superseded by rollout " + superseded.by();
    };
  }
}
