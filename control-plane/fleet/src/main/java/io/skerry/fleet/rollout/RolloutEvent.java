package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateResult;
import io.skerry.protocol.RolloutId;
import java.util.List;

/** What can happen to a rollout. */
public sealed interface RolloutEvent {
  /** An operator starts it. */
  record Start() implements RolloutEvent {}

  /**
   * The fleet was counted and the gates were judged.
   *
   * @param census one entry per stage of the plan
   * @param gates results about the stages opened so far
   */
  record Observed(List<StageCensus> census, List<GateResult> gates) implements RolloutEvent {
    public Observed {
      census = List.copyOf(census);
      gates = List.copyOf(gates);
    }
  }

  /** An operator stops the opening of stages. */
  record Pause(String reason) implements RolloutEvent {}

  /** An operator lets a paused rollout go on; deadlines and soak start again. */
  record Resume() implements RolloutEvent {}

  /** An operator takes the current stage as passed. */
  record Promote(String reason) implements RolloutEvent {}

  /** An operator stops it where it is. */
  record Abort(String reason) implements RolloutEvent {}

  /** An operator sends every touched device back. */
  record RollBack(String reason) implements RolloutEvent {}

  /** A newer rollout of the same slot starts. */
  record Supersede(RolloutId by) implements RolloutEvent {}
}
