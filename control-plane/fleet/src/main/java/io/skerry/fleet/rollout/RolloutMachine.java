package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.FailureGate;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.OpenStage;
import io.skerry.fleet.gate.ShareLimit;
import io.skerry.fleet.gate.Verdict;
import io.skerry.fleet.rollout.RolloutPhase.Aborted;
import io.skerry.fleet.rollout.RolloutPhase.Aborting;
import io.skerry.fleet.rollout.RolloutPhase.Draft;
import io.skerry.fleet.rollout.RolloutPhase.Paused;
import io.skerry.fleet.rollout.RolloutPhase.Ready;
import io.skerry.fleet.rollout.RolloutPhase.RolledBack;
import io.skerry.fleet.rollout.RolloutPhase.RollingBack;
import io.skerry.fleet.rollout.RolloutPhase.Running;
import io.skerry.fleet.rollout.RolloutPhase.Succeeded;
import io.skerry.fleet.rollout.RolloutPhase.Superseded;
import io.skerry.fleet.rollout.RolloutPhase.WaitingForApproval;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * Decides a rollout's next step from what was counted. Pure: no clock, no I/O; the same events at
 * the same times give the same decisions.
 *
 * <pre>
 * DRAFT > WAITING_FOR_APPROVAL > RUNNING     DRAFT > READY > RUNNING &lt;> PAUSED
 *   RUNNING | PAUSED > ABORTING > ABORTED
 *   RUNNING | PAUSED | ABORTING > ROLLING_BACK > ROLLED_BACK  (without a version before: ABORTING)
 *   RUNNING > SUCCEEDED          any but the ends > SUPERSEDED
 *   SUCCEEDED | ABORTED | SUPERSEDED > ROLLING_BACK  (when a person says so)
 * stage: PENDING > RUNNING > SOAKING > PASSED | FAILED | INCONCLUSIVE
 * </pre>
 *
 * <p>A trial that was good and is to be promoted goes through all stages once more, as any other
 * rollout of its version, and succeeds after that.
 *
 * <p>Harm shown by a gate acts at once, in whatever the stage is doing and also while paused. A
 * stage passes only when its soak is over and no gate blocks; at least one device must run the
 * version.
 */
public final class RolloutMachine {
  private static final double SECONDS_PER_MINUTE = 60;
  // Orders that were not given do not pile up: at most ten seconds' worth.
  private static final double BURST_MINUTES = 1.0 / 6;

  private RolloutMachine() {}

  /**
   * One step.
   *
   * @param effects to be carried out in the same transaction as the state is kept
   * @param refusal why the event is not possible; the state is then unchanged
   */
  public record Step(RolloutState state, List<RolloutEffect> effects, Optional<String> refusal) {
    public Step {
      effects = List.copyOf(effects);
    }

    static Step to(RolloutState state, RolloutEffect... effects) {
      return new Step(state, List.of(effects), Optional.empty());
    }
  }

  /** What the gates say of a stage, see {@link #judge}; the same of the same. */
  @FunctionalInterface
  interface Judge {
    List<GateResult> of(int stage, RolloutEvent.Observed seen);
  }

  /** The state and the orders after an event. */
  public static Step step(RolloutPlan plan, RolloutState state, RolloutEvent event, Instant now) {
    return step(plan, state, event, now, (stage, seen) -> judge(plan.in(state), stage, seen));
  }

  /** The same; the judge may know what it said of the same before. */
  static Step step(
      RolloutPlan written, RolloutState state, RolloutEvent event, Instant now, Judge judge) {
    RolloutPlan plan = written.in(state);
    return switch (event) {
      case RolloutEvent.Submit _ -> submit(plan, state);
      case RolloutEvent.Approve approve -> approve(plan, state, approve.by(), now);
      case RolloutEvent.Start _ ->
          state.phase() instanceof Ready ? open(plan, state, 0, now) : refused(state, "be started");
      case RolloutEvent.Observed observed -> observed(plan, state, observed, now, judge);
      case RolloutEvent.Ordered(int asked, int given) ->
          Step.to(paidBack(plan, state, asked - given));
      case RolloutEvent.Unheard(Duration silence) -> Step.to(unheard(state, silence, now));
      case RolloutEvent.Pause pause ->
          mayPause(state.phase())
              ? Step.to(
                  state.in(
                      new Paused(openStage(state).orElseThrow(), PauseReason.USER, pause.reason())))
              : refused(state, "be paused");
      case RolloutEvent.Resume resume -> resume(plan, state, resume, now);
      case RolloutEvent.Promote promote -> promote(plan, state, promote, now);
      case RolloutEvent.Abort abort -> abort(plan, state, abort.reason());
      case RolloutEvent.RollBack rollBack -> rollBack(plan, state, rollBack.reason());
      case RolloutEvent.Retry retry -> retry(plan, state, now, retry.reason());
      case RolloutEvent.Supersede supersede ->
          state.phase().isTerminal()
              ? refused(state, "be superseded")
              : takenBack(
                  plan,
                  state.in(new Superseded(supersede.by())),
                  new RolloutEffect.CloseOut(false));
    };
  }

  /** What the gates say of the open stage, as a look at a rollout shows it. */
  public static List<GateResult> judgeOpen(
      RolloutPlan plan, RolloutState state, Census census, Evidence evidence) {
    RolloutEvent.Observed seen = new RolloutEvent.Observed(census, evidence, Instant.EPOCH);
    int stage = openStage(state).orElseThrow();
    return judge(plan.in(state), stage, ofOpen(state, stage, seen));
  }

  // The rows of a trial's later stages wait for these to open again.
  private static RolloutEvent.Observed ofOpen(
      RolloutState state, int stage, RolloutEvent.Observed seen) {
    return state.promotion().isPresent() ? seen.of(seen.census().promotedThrough(stage)) : seen;
  }

  /** What the gates say of a stage. */
  static List<GateResult> judge(RolloutPlan plan, int stage, Census census, Evidence evidence) {
    return judge(plan, stage, new RolloutEvent.Observed(census, evidence, Instant.EPOCH));
  }

  /** The same of what an event saw, by its rules. */
  static List<GateResult> judge(RolloutPlan plan, int stage, RolloutEvent.Observed seen) {
    Census census = seen.census();
    GateSettings gates =
        plan.isHoldback(stage)
            ? new GateSettings(plan.gates().failures(), List.of())
            : seen.waitsInVain() ? plan.gates() : plan.judgedGates();
    boolean replaces = plan.kind().isTrial() || census.replaced() > 0;
    List<GateResult> results =
        gates.judge(
            new OpenStage(
                census.failures(seen.countsUnderWay()),
                seen.judgesStageAlone()
                    ? census.failuresAlone(stage, seen.countsUnderWay())
                    : Map.of(),
                census.devices(stage) >= census.devices(0),
                replaces,
                plan.stages().size(),
                seen.judgesEvidenceAlone(),
                seen.countsSilentProfiles(),
                seen.capsSilentProfiles(),
                seen.capsSilentProfiles() && plan.kind().isTrial()),
            seen.evidence());
    return seen.waitsInVain()
        ? results
        : results.stream().map(FailureGate::withoutWaitingForFew).toList();
  }

  /** The stage that is open, also while paused. */
  public static OptionalInt openStage(RolloutState state) {
    return switch (state.phase()) {
      case Running(int stage) -> OptionalInt.of(stage);
      case Paused(int stage, PauseReason _, String _) -> OptionalInt.of(stage);
      case Draft _, WaitingForApproval _, Ready _, Aborting _, Aborted _ -> OptionalInt.empty();
      case RollingBack _, RolledBack _, Succeeded _, Superseded _ -> OptionalInt.empty();
    };
  }

  /** Whether it was a trial that was good: its devices get the version as the active one. */
  public static boolean isPromoted(RolloutPlan plan, RolloutState state) {
    // By the rules before 12 all of them at once, when it had succeeded.
    return state.promotion().isPresent()
        || (state.phase() instanceof Succeeded && plan.kind().promotes());
  }

  private static boolean isDropped(RolloutPlan plan) {
    return plan.kind().isTrial() && !plan.kind().promotes();
  }

  /**
   * The stage up to which devices that come later join: of a dynamic rollout the open one, and the
   * last one as long as what it brought is the newest.
   */
  public static OptionalInt joinedThrough(RolloutPlan plan, RolloutState state) {
    if (!plan.dynamic()) {
      return OptionalInt.empty();
    }
    return state.phase() instanceof Succeeded && !isDropped(plan)
        ? OptionalInt.of(plan.steps().size() - 1)
        : openStage(state);
  }

  private static Step refused(RolloutState state, String act) {
    return new Step(
        state,
        List.of(),
        Optional.of("a rollout that is %s cannot %s".formatted(state.phase().code(), act)));
  }

  private static Step submit(RolloutPlan plan, RolloutState state) {
    if (!(state.phase() instanceof Draft)) {
      return refused(state, "be submitted");
    }
    return Step.to(state.in(plan.approval().required() ? new WaitingForApproval() : new Ready()));
  }

  private static Step approve(RolloutPlan plan, RolloutState state, String by, Instant now) {
    if (!(state.phase() instanceof WaitingForApproval)) {
      return refused(state, "be approved");
    }
    if (by.equals(plan.approval().author())) {
      return new Step(
          state,
          List.of(),
          Optional.of("%s wrote this rollout: somebody else must approve it".formatted(by)));
    }
    return open(plan, state, 0, now);
  }

  private static Step open(RolloutPlan plan, RolloutState state, int stage, Instant now) {
    RolloutState opened = state.in(new Running(stage)).with(stage, StageProgress.opened(now));
    boolean unlimited =
        plan.limits().pace().isUnlimited()
            && plan.limits().inFlight() == Integer.MAX_VALUE
            && plan.limits().isOpen(now);
    return unlimited
        ? Step.to(
            opened,
            new RolloutEffect.OpenStage(stage),
            new RolloutEffect.Offer(stage, Integer.MAX_VALUE))
        : Step.to(opened, new RolloutEffect.OpenStage(stage));
  }

  /**
   * The gates that paused a rollout and would at once pause it again, by their names: a person can
   * accept them, see {@link RolloutEvent.Promote}.
   */
  public static List<String> failedGates(RolloutState state) {
    return state.phase() instanceof Paused(int stage, PauseReason why, String _)
            && why == PauseReason.GATE_FAILED
        ? counting(state, progress(state, stage).evidence()).stream()
            .filter(result -> result.verdict() == Verdict.FAIL)
            .map(GateResult::name)
            .distinct()
            .sorted()
            .toList()
        : List.of();
  }

  // What a person has accepted stays so, but for what other devices do.
  private static List<GateResult> counting(RolloutState state, List<GateResult> gates) {
    return state.accepted().isEmpty()
        ? gates
        : gates.stream()
            .filter(
                result ->
                    result.action() != GateAction.PAUSE
                        || result.isOfStageAlone()
                        || !state.accepted().contains(result.name()))
            .toList();
  }

  private static Step resume(
      RolloutPlan plan, RolloutState state, RolloutEvent.Resume resume, Instant now) {
    if (!(state.phase() instanceof Paused(int stage, PauseReason why, String _))) {
      return refused(state, "be resumed");
    }
    List<String> failed = resume.asksTheGates() ? failedGates(state) : List.of();
    if (!failed.isEmpty()) {
      return new Step(
          state,
          List.of(),
          Optional.of(
              "%s still fails and would pause it again: promote it to accept that, or abort it"
                  .formatted(String.join(", ", failed))));
    }
    return why == PauseReason.SUCCESS_PAUSE
        ? open(plan, state, stage + 1, now)
        : reopened(state, stage, now);
  }

  // Controls that were seen for hours before anybody was ordered are of another time of day.
  private static Step reopened(RolloutState state, int stage, Instant now) {
    return reopened(state, stage, progress(state, stage).reopened(now));
  }

  private static Step reopened(RolloutState state, int stage, StageProgress again) {
    return Step.to(
        state.in(new Running(stage)).with(stage, again), new RolloutEffect.OpenStage(stage));
  }

  private static StageProgress progress(RolloutState state, int stage) {
    return state.stages().get(stage);
  }

  private static Step promote(
      RolloutPlan plan, RolloutState state, RolloutEvent.Promote promote, Instant now) {
    OptionalInt stage = openStage(state);
    if (stage.isEmpty()) {
      return refused(state, "be promoted");
    }
    if (state.phase() instanceof Paused(int _, PauseReason why, String _)
        && why == PauseReason.SUCCESS_PAUSE) {
      return open(plan, state, stage.getAsInt() + 1, now);
    }
    return goOn(
        plan, state.accepting(promote.accepts()), stage.getAsInt(), promote.told(), promote, now);
  }

  private static Step retry(RolloutPlan plan, RolloutState state, Instant now, String reason) {
    if (state.phase() instanceof Succeeded && !isDropped(plan)) {
      return triedAgain(state, now, reason);
    }
    if (state.phase() instanceof RollingBack || state.phase() instanceof RolledBack) {
      // With its time: a second one is another act, also where the reason is the same.
      return Step.to(
          state.with(0, progress(state, 0).triedAgain(now, "retry: " + reason)),
          new RolloutEffect.RestoreAgain(true));
    }
    OptionalInt stage = openStage(state);
    if (stage.isEmpty()) {
      return refused(state, "be retried");
    }
    StageProgress again = StageProgress.opened(now).closed(StageState.RUNNING, "retry: " + reason);
    RolloutState tried = state.in(new Running(stage.getAsInt())).with(stage.getAsInt(), again);
    return state.phase() instanceof Paused
        ? Step.to(
            tried, new RolloutEffect.OpenStage(stage.getAsInt()), new RolloutEffect.RetryFailed())
        : Step.to(tried, new RolloutEffect.RetryFailed());
  }

  // It has succeeded all the same; who failed catches up like those that were late.
  private static Step triedAgain(RolloutState state, Instant now, String reason) {
    int last = state.stages().size() - 1;
    return Step.to(
        state
            .catchingUp(Optional.empty())
            .with(last, progress(state, last).triedAgain(now, "retry: " + reason)),
        new RolloutEffect.RetryFailed());
  }

  private static Step abort(RolloutPlan plan, RolloutState state, String reason) {
    return switch (state.phase()) {
      case Draft _, WaitingForApproval _, Ready _ -> Step.to(state.in(new Aborted(reason)));
      case Running _, Paused _ -> takenBack(plan, closed(state, reason).in(new Aborting(reason)));
      case Aborting _, Aborted _, RollingBack _, RolledBack _, Succeeded _, Superseded _ ->
          refused(state, "be aborted");
    };
  }

  // What is committed stays, but a trial that is not concluded would go on for ever.
  private static Step takenBack(RolloutPlan plan, RolloutState state, RolloutEffect... more) {
    List<RolloutEffect> effects = new ArrayList<>();
    effects.add(new RolloutEffect.Cancel());
    if (plan.kind().isTrial()) {
      effects.add(new RolloutEffect.ConcludeTrial(false));
    }
    effects.addAll(List.of(more));
    return new Step(state, effects, Optional.empty());
  }

  private static Step rollBack(RolloutPlan plan, RolloutState state, String reason) {
    return switch (state.phase()) {
      case Running _, Paused _, Aborting _ -> restore(plan, state, reason);
      case Succeeded _, Aborted _, Superseded _ ->
          canGoBackAtTheEnd(plan, state)
              ? restore(plan, state, reason)
              : refused(state, "be rolled back");
      case Draft _, WaitingForApproval _, Ready _, RollingBack _, RolledBack _ ->
          refused(state, "be rolled back");
    };
  }

  /** Whether a rollout that has ended may have touched devices and knows what they ran before. */
  static boolean canGoBackAtTheEnd(RolloutPlan plan, RolloutState state) {
    return (!plan.kind().isTrial() || isPromoted(plan, state))
        && state.stages().getFirst().openedAt().isPresent();
  }

  private static Step restore(RolloutPlan plan, RolloutState state, String reason) {
    return Step.to(
        closed(state, reason).in(new RollingBack(reason)),
        plan.kind().isTrial() && !isPromoted(plan, state)
            ? new RolloutEffect.ConcludeTrial(false)
            : new RolloutEffect.RestoreTouched());
  }

  private static RolloutState closed(RolloutState state, String reason) {
    OptionalInt stage = openStage(state);
    return stage.isEmpty()
        ? state
        : state.with(
            stage.getAsInt(), progress(state, stage.getAsInt()).closed(StageState.FAILED, reason));
  }

  private static Step observed(
      RolloutPlan plan, RolloutState state, RolloutEvent.Observed seen, Instant now, Judge judge) {
    return switch (state.phase()) {
      case Running(int stage) -> {
        RolloutEvent.Observed open = ofOpen(state, stage, seen);
        yield running(plan, state, stage, judge.of(stage, open), open, now);
      }
      case Paused(int stage, PauseReason why, String _) -> {
        RolloutEvent.Observed open = ofOpen(state, stage, seen);
        yield paused(plan, state, stage, why, judge.of(stage, open), open, now);
      }
      case Aborting aborting -> aborting(plan, state, aborting, seen, now);
      case RollingBack rollingBack -> rollingBack(plan, state, rollingBack, seen, now);
      case Succeeded _ -> catchingUp(plan, state, seen, now);
      case RolledBack _ -> rolledBack(state, seen.census());
      case Draft _, WaitingForApproval _, Ready _, Aborted _, Superseded _ -> Step.to(state);
    };
  }

  private static Step running(
      RolloutPlan plan,
      RolloutState before,
      int stage,
      List<GateResult> gates,
      RolloutEvent.Observed seen,
      Instant now) {
    Optional<GateAction> harm = harm(counting(before, gates));
    if (harm.isPresent()) {
      return harmed(
          plan, before.with(stage, progress(before, stage).with(gates)), stage, harm.get(), seen);
    }
    RolloutState state = before.with(stage, progress(before, stage).judged(gates));
    Census census = seen.census();
    List<RolloutEffect> effects = upkeep(census);
    StageProgress progress = progress(state, stage);
    boolean late =
        progress
            .deadlineSince()
            .map(opened -> !now.isBefore(heard(opened, seen).plus(plan.deadlines().stage())))
            .orElse(false);
    if (late && isWaitingOffline(census, stage)) {
      effects.add(new RolloutEffect.DeferOffline(stage));
    }
    Offering offering = offering(plan, state, stage, seen, now);
    // Who is watched has the version; the next stage waits for its windows itself.
    boolean watched = progress.state() == StageState.SOAKING && seen.waitsForNoNewcomers();
    if (offering.closed() && !watched) {
      RolloutState closing = seen.addsSilence() ? state.with(stage, progress.closing(now)) : state;
      return new Step(
          closing.in(
              new Paused(
                  stage,
                  PauseReason.WINDOW,
                  "outside the maintenance windows; the next one opens at "
                      + plan.limits().next(now))),
          effects,
          Optional.empty());
    }
    effects.addAll(offering.effects());
    RolloutState given =
        offering.toAll() && seen.waitsForNoNewcomers()
            ? offering.state().with(stage, progress.ordered(now))
            : offering.state();
    Step next =
        progress.state() == StageState.SOAKING
            ? soaking(plan, given, stage, gates, seen, now)
            : offered(plan, given, stage, seen, late, now);
    effects.addAll(next.effects());
    return new Step(next.state(), effects, Optional.empty());
  }

  // Whatever the rollout is doing: who hangs is late, and of a unit nothing stays by itself.
  private static List<RolloutEffect> upkeep(Census census) {
    List<RolloutEffect> effects = new ArrayList<>();
    if (census.inFlightOnline() > 0) {
      effects.add(new RolloutEffect.Expire());
    }
    if (census.count(cell -> cell.state().isFailure()) > 0) {
      effects.add(new RolloutEffect.RestoreBrokenUnits());
    }
    return effects;
  }

  // What waits for a window would go on by itself.
  private static boolean mayPause(RolloutPhase phase) {
    return phase instanceof Running
        || (phase instanceof Paused paused && paused.why() == PauseReason.WINDOW);
  }

  // Silence on our own side is none of the devices.
  private static RolloutState unheard(RolloutState state, Duration silence, Instant now) {
    OptionalInt stage = openStage(state);
    return stage.isEmpty()
        ? state
        : state.with(stage.getAsInt(), progress(state, stage.getAsInt()).unheard(silence, now));
  }

  // By the rules of before, everything began anew after it.
  private static Instant heard(Instant since, RolloutEvent.Observed seen) {
    return !seen.addsSilence() && since.isBefore(seen.heardSince()) ? seen.heardSince() : since;
  }

  private static boolean isWaitingOffline(Census census, int stage) {
    return census.count(
            cell ->
                !cell.online()
                    && cell.stage() <= stage
                    && (cell.state() == DeploymentState.PENDING || cell.state().isInFlight()))
        > 0;
  }

  // Whether nobody who is online waits for an order then, or the windows are closed to who does.
  private record Offering(
      RolloutState state, List<RolloutEffect> effects, boolean toAll, boolean closed) {}

  private static Offering offering(
      RolloutPlan plan, RolloutState state, int stage, RolloutEvent.Observed seen, Instant now) {
    Census census = seen.census();
    int pending =
        census.count(
            cell ->
                cell.stage() <= stage && cell.online() && cell.state() == DeploymentState.PENDING);
    int late = census.count(cell -> cell.online() && cell.state() == DeploymentState.DEFERRED);
    if (pending + late == 0) {
      return new Offering(state, List.of(), true, false);
    }
    if (!plan.limits().isOpen(now)) {
      return new Offering(state, List.of(), pending == 0, pending > 0);
    }
    int underWay = census.inFlightOnline();
    List<RolloutEffect> effects = new ArrayList<>();
    int room = Math.min(pending, Math.max(0, plan.limits().inFlight() - underWay));
    Permits permits = permits(plan, state, census, now);
    int offers = (int) Math.min(room, Math.floor(permits.now()));
    if (offers > 0) {
      effects.add(new RolloutEffect.Offer(stage, offers));
    }
    int space = Math.min(plan.limits().catchUp(), plan.limits().inFlight()) - underWay - offers;
    int catchUp = Math.clamp(space, 0, late);
    int paid = offers;
    if (seen.pacesCatchingUp()) {
      catchUp = permits.least(catchUp, offers);
      paid += catchUp;
    }
    if (catchUp > 0) {
      effects.add(new RolloutEffect.CatchUp(catchUp));
    }
    return new Offering(permits.paid(state, paid, now), effects, offers == pending, false);
  }

  private record Permits(double now, boolean limited) {
    int least(int orders, int taken) {
      return (int) Math.min(orders, Math.floor(now - taken));
    }

    RolloutState paid(RolloutState state, int orders, Instant at) {
      return limited && orders > 0 ? state.paid(at, now - orders) : state;
    }
  }

  private static Permits permits(RolloutPlan plan, RolloutState state, Census census, Instant now) {
    Pace pace = plan.limits().pace();
    if (pace.isUnlimited()) {
      return new Permits(Integer.MAX_VALUE, false);
    }
    double rate = pace.rate(census.touched(), census.count(cell -> cell.state().isSuccess()));
    double most = Math.max(1, rate * BURST_MINUTES);
    double minutes =
        Math.max(0, now.toEpochMilli() - state.paidAt().toEpochMilli())
            / (1000 * SECONDS_PER_MINUTE);
    return new Permits(Math.min(most, state.permits() + rate * minutes), true);
  }

  private static RolloutState paidBack(RolloutPlan plan, RolloutState state, int orders) {
    return plan.limits().pace().isUnlimited()
            || (openStage(state).isEmpty() && !(state.phase() instanceof Succeeded))
        ? state
        : state.paid(state.paidAt(), state.permits() + orders);
  }

  private static Step paused(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      PauseReason why,
      List<GateResult> gates,
      RolloutEvent.Observed seen,
      Instant now) {
    Optional<GateAction> harm = harm(gates).filter(action -> action != GateAction.PAUSE);
    boolean goesOn = why == PauseReason.WINDOW && plan.limits().isOpen(now);
    if (harm.isEmpty() && goesOn && seen.pausesAtTheWindow()) {
      // Going on begins the evidence anew: what it shows by now would be forgotten.
      harm = harm(counting(state, gates));
    }
    if (harm.isPresent()) {
      return harmed(
          plan, state.with(stage, progress(state, stage).with(gates)), stage, harm.get(), seen);
    }
    if (goesOn) {
      return seen.addsSilence()
          ? reopened(state, stage, progress(state, stage).openedAgain(now))
          : reopened(state, stage, now);
    }
    // Whether it may be resumed.
    RolloutState judged =
        why == PauseReason.GATE_FAILED && seen.keepsVerdictsWhilePaused()
            ? state.with(stage, progress(state, stage).judged(gates))
            : state;
    return new Step(judged, upkeep(seen.census()), Optional.empty());
  }

  private static Optional<GateAction> harm(List<GateResult> gates) {
    return gates.stream()
        .filter(result -> result.verdict() == Verdict.FAIL)
        .map(GateResult::action)
        .max(Comparator.naturalOrder());
  }

  private static Step harmed(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      GateAction action,
      RolloutEvent.Observed seen) {
    String reason = reasons(counting(state, progress(state, stage).evidence()), Verdict.FAIL);
    return switch (action) {
      case PAUSE -> Step.to(state.in(new Paused(stage, PauseReason.GATE_FAILED, reason)));
      case ABORT -> abort(plan, state, reason);
      case ROLLBACK ->
          plan.kind().isTrial() || seen.census().replaced() > 0
              ? restore(plan, state, reason)
              : abort(plan, state, reason + "; no version before to go back to");
    };
  }

  private static Step offered(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      RolloutEvent.Observed seen,
      boolean late,
      Instant now) {
    Census census = seen.census();
    int devices = census.devices(stage);
    if (haveAllLeft(census, stage)) {
      return left(
          plan,
          state,
          stage,
          seen,
          "every device of the stage has become not eligible or was removed",
          "no device is in this stage any more",
          now);
    }
    if (wereAllRemoved(seen, stage)) {
      return left(
          plan,
          state,
          stage,
          seen,
          "every device of the stage was removed",
          "every device of this stage was removed",
          now);
    }
    if (devices == 0) {
      return goOn(plan, state, stage, "no device is in this stage", seen, now);
    }
    int waiting =
        census.count(
            cell ->
                cell.stage() == stage
                    && (cell.state() == DeploymentState.PENDING || cell.state().isInFlight()));
    if (waiting > 0 && !(late && hadTheirTime(plan, progress(state, stage), seen, now))) {
      return Step.to(state);
    }
    if (plan.isHoldback(stage)) {
      return goOn(plan, state, stage, "every stage had passed", seen, now);
    }
    if (census.count(cell -> cell.stage() == stage && cell.state().isSuccess()) > 0) {
      return Step.to(state.with(stage, progress(state, stage).soaking(now)));
    }
    return late || census.count(stage, DeploymentState.DEFERRED) == devices
        ? inconclusive(state, stage, "no device of the stage runs the version")
        : Step.to(state);
  }

  // Who was ordered when the stage began is at an end, or was away: others came later.
  private static boolean hadTheirTime(
      RolloutPlan plan, StageProgress progress, RolloutEvent.Observed seen, Instant now) {
    return seen.waitsForNoNewcomers()
        && progress
            .orderedSince()
            .map(since -> heard(since, seen).plus(plan.deadlines().progress()))
            .filter(end -> !now.isBefore(end))
            .isPresent();
  }

  private static boolean haveAllLeft(Census census, int stage) {
    return census.count(stage, DeploymentState.NOT_ELIGIBLE) > 0
        && census.devices(stage) == census.count(stage, DeploymentState.REMOVED);
  }

  private static boolean wereAllRemoved(RolloutEvent.Observed seen, int stage) {
    int devices = seen.census().devices(stage);
    return seen.endsWhenAllWereRemoved()
        && devices > 0
        && devices == seen.census().count(stage, DeploymentState.REMOVED);
  }

  // An empty stage proves nothing, but it was to be the first proof.
  private static Step left(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      RolloutEvent.Observed seen,
      String why,
      String whyOn,
      Instant now) {
    return seen.census().count(cell -> cell.state().isSuccess()) == 0
        ? inconclusive(
            state,
            stage,
            why + ", and none runs the version: promote to go on without them, or abort")
        : goOn(plan, state, stage, whyOn, seen, now);
  }

  private static boolean isAnyoneOnTheWay(Census census, int stage) {
    return census.count(
            cell ->
                cell.stage() == stage
                    && cell.online()
                    && (cell.state() == DeploymentState.PENDING || cell.state().isInFlight()))
        > 0;
  }

  // Who is under way came back or joined after the watch had begun.
  private static Step soaking(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      List<GateResult> gates,
      RolloutEvent.Observed seen,
      Instant now) {
    Instant since = heard(progress(state, stage).soakingSince().orElse(now), seen);
    boolean waiting = !seen.waitsForNoNewcomers() && isAnyoneOnTheWay(seen.census(), stage);
    if (now.isBefore(since.plus(plan.soak())) || waiting) {
      return Step.to(state);
    }
    List<GateResult> blocking = counting(state, gates).stream().filter(GateResult::blocks).toList();
    Optional<String> missing = missing(plan, seen, stage);
    if (blocking.isEmpty() && missing.isPresent()) {
      return now.isBefore(since.plus(plan.deadlines().stage()))
          ? Step.to(state)
          : inconclusive(
              state.with(stage, progress(state, stage).with(gates)), stage, missing.get());
    }
    if (blocking.isEmpty() && waitsForAWindow(plan, stage, seen, now)) {
      // As it is: what the gates say at each look is nothing to keep.
      return Step.to(state);
    }
    if (blocking.isEmpty()) {
      return goOn(
          plan,
          state.with(stage, progress(state, stage).with(gates)),
          stage,
          "every gate passed",
          seen,
          now);
    }
    boolean removed = wereAllRemoved(seen, stage);
    // Counted from the end of the offers, so that a slow download does not eat the watch.
    if (!removed && now.isBefore(since.plus(plan.deadlines().stage()))) {
      return Step.to(state);
    }
    String open = blocking.stream().map(GateResult::toString).collect(Collectors.joining("; "));
    return inconclusive(
        state.with(stage, progress(state, stage).with(gates)),
        stage,
        removed ? "every device of the stage was removed while it was watched; " + open : open);
  }

  // Those who have it may be good, and too many are out of reach all the same.
  private static Optional<String> missing(RolloutPlan plan, RolloutEvent.Observed seen, int stage) {
    int unreached = seen.census().count(stage, DeploymentState.NOT_REACHED);
    int all =
        unreached + seen.census().count(cell -> cell.stage() == stage && cell.state().isEnded());
    return unreached > plan.gates().failures().share() * all
        ? Optional.of(
            ("%d of %d devices of the stage did not get the version in time: look at their lines"
                    + " and at the artifacts' port and retry, or promote to go on without them")
                .formatted(unreached, all))
        : Optional.empty();
  }

  private static Step inconclusive(RolloutState state, int stage, String reason) {
    return Step.to(
        state
            .with(stage, progress(state, stage).closed(StageState.INCONCLUSIVE, reason))
            .in(new Paused(stage, PauseReason.GATE_INCONCLUSIVE, reason)));
  }

  private static Step goOn(
      RolloutPlan plan,
      RolloutState state,
      int stage,
      String reason,
      RolloutEvent why,
      Instant now) {
    RolloutState closed =
        state.with(stage, progress(state, stage).closed(StageState.PASSED, reason));
    if (stage + 1 == plan.steps().size()) {
      if (waitsForAWindow(plan, stage, why, now)) {
        return Step.to(state);
      }
      return succeeded(plan, closed, judgedLast(plan, stage, why), why, now);
    }
    if (!(why instanceof RolloutEvent.Promote) && plan.steps().get(stage).pauseAfter()) {
      return Step.to(
          closed.in(
              new Paused(
                  stage,
                  PauseReason.SUCCESS_PAUSE,
                  "stage %d passed and waits for an operator".formatted(stage + 1))));
    }
    return open(plan, closed, stage + 1, now);
  }

  // A trial's end once ordered every device at once.
  private static boolean waitsForAWindow(
      RolloutPlan plan, int stage, RolloutEvent why, Instant now) {
    return stage + 1 == plan.steps().size()
        && plan.kind().promotes()
        && !plan.limits().isOpen(now)
        && why instanceof RolloutEvent.Observed seen
        && seen.promotesInWindows();
  }

  // Of what is held back only the update is judged.
  private static int judgedLast(RolloutPlan plan, int stage, RolloutEvent why) {
    return RolloutEvent.Observed.tellsOfStages(why)
        ? Math.min(stage, plan.stages().size() - 1)
        : stage;
  }

  private static Step succeeded(
      RolloutPlan plan, RolloutState state, int stage, RolloutEvent end, Instant now) {
    if (!plan.kind().isTrial()) {
      String trial = state.promotion().map(of -> "promoted: " + of.verdict()).orElse("");
      return Step.to(state.in(new Succeeded(trial)), new RolloutEffect.CloseOut(true));
    }
    String why = reasons(progress(state, stage).evidence(), Verdict.PASS);
    if (!plan.kind().promotes()) {
      return Step.to(
          state.in(new Succeeded("good, and dropped as asked: " + why)),
          new RolloutEffect.ConcludeTrial(false),
          new RolloutEffect.CloseOut(false));
    }
    return RolloutEvent.Observed.promotesInStages(end)
        ? promoted(plan, state, why, now)
        : Step.to(
            state.in(new Succeeded("promoted: " + why)), new RolloutEffect.ConcludeTrial(true));
  }

  // A share of the traffic, or none, is not what it will do alone.
  private static Step promoted(RolloutPlan plan, RolloutState state, String why, Instant now) {
    Step first = open(plan.active(), state.promoting(plan, why), 0, now);
    List<RolloutEffect> effects = new ArrayList<>();
    effects.add(new RolloutEffect.ConcludeTrial(true));
    effects.addAll(first.effects());
    return new Step(first.state(), effects, Optional.empty());
  }

  private static Step aborting(
      RolloutPlan plan,
      RolloutState state,
      Aborting aborting,
      RolloutEvent.Observed seen,
      Instant now) {
    List<RolloutEffect> effects = upkeep(seen.census());
    if (!isSettled(plan, seen, now)) {
      return new Step(state, effects, Optional.empty());
    }
    effects.add(new RolloutEffect.CloseOut(false));
    return new Step(state.in(new Aborted(aborting.reason())), effects, Optional.empty());
  }

  private static Step rollingBack(
      RolloutPlan plan,
      RolloutState state,
      RollingBack rollingBack,
      RolloutEvent.Observed seen,
      Instant now) {
    Census census = seen.census();
    if (!isSettled(plan, seen, now)) {
      return new Step(state, goingBack(census), Optional.empty());
    }
    int stuck = census.count(DeploymentState.RESTORE_FAILED);
    int offline = census.count(DeploymentState.RESTORING);
    StringBuilder reason = new StringBuilder(rollingBack.reason());
    if (stuck > 0) {
      reason.append("; %d devices could not go back".formatted(stuck));
    }
    if (offline > 0) {
      reason.append("; %d devices are offline and ordered back".formatted(offline));
    }
    return Step.to(state.in(new RolledBack(reason.toString())), new RolloutEffect.CloseOut(false));
  }

  // What it is to go back to may be out of reach for a while only. Not before the end, which
  // would wait for these tries.
  private static Step rolledBack(RolloutState state, Census census) {
    List<RolloutEffect> effects = goingBack(census);
    if (isAnyOnline(census, DeploymentState.RESTORE_FAILED)) {
      effects.add(new RolloutEffect.RestoreAgain(false));
    }
    return new Step(state, effects, Optional.empty());
  }

  private static List<RolloutEffect> goingBack(Census census) {
    List<RolloutEffect> effects = new ArrayList<>();
    if (isAnyOnline(census, DeploymentState.RESTORING) || census.inFlightOnline() > 0) {
      effects.add(new RolloutEffect.Expire());
    }
    return effects;
  }

  private static boolean isAnyOnline(Census census, DeploymentState state) {
    return census.count(cell -> cell.online() && cell.state() == state) > 0;
  }

  // Who is offline is not waited for, once it had the time to come back to us.
  private static boolean isSettled(RolloutPlan plan, RolloutEvent.Observed seen, Instant now) {
    boolean returned = !now.isBefore(seen.heardSince().plus(plan.deadlines().start()));
    return seen.census()
            .count(
                cell ->
                    (cell.online() || !returned)
                        && (cell.state() == DeploymentState.RESTORING || cell.state().isInFlight()))
        == 0;
  }

  // Late devices still get the version of a rollout that succeeded, those that try again, and all
  // that had one on trial which was good.
  private static Step catchingUp(
      RolloutPlan plan, RolloutState before, RolloutEvent.Observed seen, Instant now) {
    Census census = seen.census();
    RolloutState state = seen.judgesCatchingUp() ? judgedLate(plan, before, seen) : before;
    int late = census.count(cell -> cell.online() && cell.state() == DeploymentState.DEFERRED);
    int again = census.count(cell -> cell.online() && cell.state() == DeploymentState.PENDING);
    int underWay = census.inFlightOnline();
    List<RolloutEffect> effects = upkeep(census);
    int catchUp = Math.min(plan.limits().catchUp(), plan.limits().inFlight());
    // All at once would be switched before the first of them could fail.
    boolean limited = plan.limits().inFlight() != Integer.MAX_VALUE || !seen.judgesCatchingUp();
    int most = plan.kind().promotes() && limited ? plan.limits().inFlight() : catchUp;
    if (!state.held().isEmpty()
        || underWay >= most
        || again + late == 0
        || !plan.limits().isOpen(now)
        || isDropped(plan)) {
      return new Step(state, effects, Optional.empty());
    }
    Permits permits =
        seen.pacesCatchingUp()
            ? permits(plan, state, census, now)
            : new Permits(Integer.MAX_VALUE, false);
    int retried = permits.least(Math.min(again, most - underWay), 0);
    int room = Math.max(0, catchUp - underWay - retried);
    int caughtUp = permits.least(Math.min(late, room), retried);
    if (retried > 0) {
      effects.add(new RolloutEffect.Offer(plan.steps().size() - 1, retried));
    }
    if (caughtUp > 0) {
      effects.add(new RolloutEffect.CatchUp(caughtUp));
    }
    return new Step(permits.paid(state, retried + caughtUp, now), effects, Optional.empty());
  }

  private static RolloutState judgedLate(
      RolloutPlan plan, RolloutState state, RolloutEvent.Observed seen) {
    Census census = seen.census();
    boolean any =
        census.count(
                cell ->
                    cell.online()
                        && (cell.state() == DeploymentState.PENDING
                            || cell.state() == DeploymentState.DEFERRED
                            || cell.state().isInFlight()))
            > 0;
    if (state.catchingUp().isEmpty()) {
      return any && !isDropped(plan)
          ? state.catchingUp(Optional.of(CatchingUp.begun(census)))
          : state;
    }
    ShareLimit limit = plan.gates().failures();
    return state.catchingUp(
        state
            .catchingUp()
            .map(
                known ->
                    seen.knowsWhoIsLate()
                        ? known.judged(census, limit)
                        : known.judgedSince(census, limit)));
  }

  private static String reasons(List<GateResult> gates, Verdict verdict) {
    return gates.stream()
        .filter(result -> result.verdict() == verdict)
        .map(GateResult::toString)
        .collect(Collectors.joining("; "));
  }
}
