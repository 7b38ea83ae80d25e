package io.skerry.fleet.rollout;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What people do to a rollout. Lower-case names are wire values. */
public enum RolloutAct {
  SUBMIT,
  APPROVE,
  START,
  PAUSE,
  RESUME,
  PROMOTE,
  ABORT,
  ROLLBACK,
  RETRY;

  /** What this state allows; the only place that knows. */
  public static List<RolloutAct> allowedIn(RolloutPlan plan, RolloutState state) {
    return shownIn(plan, state).stream()
        .filter(act -> act != RESUME || RolloutMachine.failedGates(state).isEmpty())
        .toList();
  }

  /** What this state allows, and what it would but for a gate that still fails. */
  public static List<RolloutAct> shownIn(RolloutPlan plan, RolloutState state) {
    return switch (state.phase()) {
      case RolloutPhase.Draft _ -> List.of(SUBMIT, ABORT);
      case RolloutPhase.WaitingForApproval _ -> List.of(APPROVE, ABORT);
      case RolloutPhase.Ready _ -> List.of(START, ABORT);
      case RolloutPhase.Running _ -> List.of(PAUSE, PROMOTE, ABORT, ROLLBACK, RETRY);
      case RolloutPhase.Paused paused ->
          paused.why() == PauseReason.WINDOW
              ? List.of(PAUSE, RESUME, PROMOTE, ABORT, ROLLBACK, RETRY)
              : List.of(RESUME, PROMOTE, ABORT, ROLLBACK, RETRY);
      case RolloutPhase.Aborting _ -> List.of(ROLLBACK);
      case RolloutPhase.Succeeded _ ->
          RolloutMachine.canGoBackAtTheEnd(plan, state)
              ? List.of(ROLLBACK, RETRY)
              : plan.kind().promotes() ? List.of(RETRY) : List.of();
      case RolloutPhase.Aborted _, RolloutPhase.Superseded _ ->
          RolloutMachine.canGoBackAtTheEnd(plan, state) ? List.of(ROLLBACK) : List.of();
      case RolloutPhase.RollingBack _, RolloutPhase.RolledBack _ -> List.of(RETRY);
    };
  }

  /**
   * Whether a person must tell what they saw. Less happens after a pause or an abort whatever has
   * changed meanwhile, so that nothing keeps these waiting.
   */
  public boolean needsRevision() {
    return this != PAUSE && this != ABORT;
  }

  /** The name in API, command line and page. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The act of this wire name. */
  public static Optional<RolloutAct> ofWireName(String wireName) {
    return Arrays.stream(values()).filter(act -> act.wireName().equals(wireName)).findFirst();
  }
}
