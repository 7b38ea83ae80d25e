package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotReport;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Decides one slot's update. Pure: {@code (state, event, situation) -> (state, effects)}.
 *
 * <pre>
 *            order                  done          done       tick
 *   IDLE ----------> DOWNLOADING ---------> VERIFYING ---> STAGED ---> COMPILING
 *    |  ^             ^   |  ^                  |                        |   | done
 *    +--+       wait  +---+  +---- retry -------+                        |   v
 *  metadata expired       |                     |                        | ACTIVATING
 *                         | retries or time     | signature,             |   | done
 *                         | spent, not found    | profile                |   v
 *                         v                     v      model, golden,    | PROBATION
 *                       FAILED               REJECTED  latency, memory  -+   |
 *                                                                            |
 *    COMMITTED <--- enough good predictions or time, and the control plane --+
 *                   reached, or a grace over                                 |
 *  ROLLED_BACK <--- the proven version answers again <--- predictions fail, -+
 *                   the control plane lost, a newer order, a crash loop
 * </pre>
 *
 * <p>A slot of a unit waits twice: loaded, until all of its unit are, and proved, until all are;
 * when one of them fails or goes back, none goes on ({@link UnitRule}). An order that switches the
 * slot off empties it at once.
 *
 * <p>A newer order begins at once, wherever the slot is; only while a version is being switched in
 * or out it waits for that, and an unproven version goes first if there is a proven one. An order
 * for what already runs and is proven is COMMITTED at once. After a restart an unfinished order
 * begins anew; one that was loaded too often without proving itself is taken for the cause and
 * ROLLED_BACK. A step that hangs is cancelled and counts as failed. However an order ends, a proven
 * version that does not answer is fetched again.
 *
 * <p>How orders begin and end is in {@link OrderCourse}, what follows faults in {@link StepFaults},
 * and what time brings in {@link StepTimers}.
 */
final class UpdateMachine {
  private final UpdatePolicy policy;
  private final StepFaults faults;
  private final StepTimers timers;

  UpdateMachine(UpdatePolicy policy) {
    this.policy = policy;
    this.faults = new StepFaults(policy);
    this.timers = new StepTimers(policy, faults);
  }

  /**
   * What holds while something happens.
   *
   * @param now never goes back and never jumps, whatever the clock does
   * @param reachable whether the control plane is
   * @param fresh whether the trusted metadata allows that something new begins
   */
  record Situation(Instant now, boolean reachable, boolean fresh) {}

  /** The state after an event, and what is to be done. */
  record Transition(SlotState state, List<UpdateEffect> effects) {
    Transition {
      effects = List.copyOf(effects);
    }

    static Transition to(SlotState state, UpdateEffect... effects) {
      return new Transition(state, List.of(effects));
    }

    Transition after(UpdateEffect first) {
      List<UpdateEffect> all = new ArrayList<>();
      all.add(first);
      all.addAll(effects);
      return new Transition(state, all);
    }
  }

  Transition on(SlotState state, UpdateEvent event, Situation situation) {
    return switch (event) {
      case UpdateEvent.Loading _ -> Transition.to(state.withLoads(state.loads() + 1));
      case UpdateEvent.Started(Optional<DesiredSlot> running) ->
          started(state.withSince(situation.now()).withRunning(running), situation);
      // Told to stop is no crash.
      case UpdateEvent.Stopped _ ->
          Transition.to(
              state.step().isDangerous()
                  ? state.withStarts(Math.max(0, state.starts() - 1))
                  : state);
      case UpdateEvent.Ordered ordered -> ordered(state, ordered, situation);
      case UpdateEvent.Received received -> Transition.to(received(state, received));
      case UpdateEvent.Done(long job) ->
          job == state.job() ? done(state, situation) : Transition.to(state);
      case UpdateEvent.Restored(long job, Optional<DesiredSlot> running) ->
          job == state.job() ? restored(state, running, situation) : Transition.to(state);
      case UpdateEvent.Broken broken ->
          broken.job() == state.job()
              ? faults.broken(state, broken, situation)
              : Transition.to(state);
      case UpdateEvent.Counted counted -> counted(state, counted, situation);
      case UpdateEvent.UnitReady _ -> unitReady(state, situation);
      case UpdateEvent.UnitProved _ ->
          state.step() instanceof Step.Proved
              ? OrderCourse.committed(state, situation)
              : Transition.to(state);
      case UpdateEvent.UnitBroken(SlotReport.Failure failure) ->
          unitBroken(state, failure, situation);
      case UpdateEvent.UnitLeft(SlotReport.Failure failure) ->
          state.running().isPresent() ? unitLeft(state, failure, situation) : Transition.to(state);
      case UpdateEvent.StaysOn(SlotState before) -> Transition.to(before.asOf(state));
      case UpdateEvent.Held(Duration time, boolean isWaiting) ->
          Transition.to(timers.held(state, time, isWaiting));
      case UpdateEvent.Ticked _ -> timers.ticked(state, situation);
    };
  }

  private Transition started(SlotState state, Situation situation) {
    int killers = policy.killers(state.loads());
    SlotState fresh = state.withLoads(0).withoutProven(killers);
    if (fresh.order().isEmpty()) {
      return Transition.to(fresh);
    }
    DesiredSlot order = fresh.order().get();
    return switch (fresh.step()) {
      case Step.Idle _ -> Transition.to(fresh);
      case Step.Committed _
          when fresh.runs(fresh.order()) || order.mode() instanceof SlotMode.Off ->
          Transition.to(fresh);
      case Step.Committed _ when killers > 0 ->
          OrderCourse.end(
              fresh,
              new Step.RolledBack(Failures.crashLoop(state.loads() - 1, order, "LOADING")),
              situation);
      // Its artifact was lost or damaged on disk: fetch it again.
      case Step.Committed _ -> OrderCourse.begin(fresh.withStarts(0), order, situation);
      case Step.RolledBack end -> OrderCourse.settled(fresh, end, situation);
      case Step.Rejected end -> OrderCourse.settled(fresh, end, situation);
      case Step.Failed end -> OrderCourse.settled(fresh, end, situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt) ->
          fresh.starts() < policy.startsMax()
              ? OrderCourse.settled(fresh, end, situation)
              : Transition.to(fresh.withStep(end, situation.now()));
      case Step.RollingBack(SlotReport.Failure failure, int attempt) ->
          OrderCourse.end(fresh, new Step.RolledBack(failure), situation);
      case Step.Waiting _,
          Step.Downloading _,
          Step.Verifying _,
          Step.Staged _,
          Step.Compiling _,
          Step.Ready _,
          Step.Activating _,
          Step.Probation _,
          Step.Proved _ ->
          fresh.starts() < policy.startsMax()
              ? OrderCourse.begin(fresh, order, situation)
              : OrderCourse.end(
                  fresh,
                  new Step.RolledBack(
                      Failures.crashLoop(fresh.starts(), order, fresh.step().phase().name())),
                  situation);
    };
  }

  private Transition ordered(SlotState state, UpdateEvent.Ordered event, Situation situation) {
    if (!event.generation().isAfter(state.generation())) {
      return Transition.to(state);
    }
    SlotState seen = state.withGeneration(event.generation());
    DesiredSlot order = event.order();
    if (state.pending().or(state::order).filter(order::equals).isPresent()) {
      return Transition.to(seen);
    }
    return switch (state.step()) {
      case Step.Activating _, Step.RollingBack _ ->
          Transition.to(seen.withPending(Optional.of(order)));
      case Step.Downloading _, Step.Verifying _, Step.Compiling _, Step.Ready _, Step.Repairing _ ->
          OrderCourse.beginNew(seen, order, situation).after(new UpdateEffect.Cancel(state.job()));
      case Step.Probation _, Step.Proved _ -> OrderCourse.leaveProbation(seen, order, situation);
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          OrderCourse.beginNew(seen, order, situation);
    };
  }

  private static SlotState received(SlotState state, UpdateEvent.Received event) {
    if (event.job() != state.job()
        || !(state.step() instanceof Step.Downloading(int attempt, Optional<Instant> retryAt))) {
      return state;
    }
    return state
        .withReceived(state.counts().received() + event.bytes())
        .withinStep(new Step.Downloading(event.kept() > 0 ? 1 : attempt, retryAt));
  }

  private Transition done(SlotState state, Situation situation) {
    if (state.order().isEmpty()) {
      return Transition.to(state);
    }
    DesiredSlot order = state.order().get();
    SlotState next = state.nextJob();
    Instant now = situation.now();
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt) ->
          Transition.to(
              next.withStep(new Step.Verifying(attempt), now),
              new UpdateEffect.Verify(next.job(), order));
      case Step.Verifying _ -> Transition.to(next.withStep(new Step.Staged(), now));
      case Step.Compiling(boolean reachable) when state.unit().isPresent() ->
          Transition.to(next.withStep(new Step.Ready(reachable), now));
      case Step.Compiling(boolean reachable) ->
          Transition.to(
              next.withStep(new Step.Activating(reachable), now),
              new UpdateEffect.Activate(next.job(), order));
      case Step.Activating(boolean reachable) -> {
        SlotState probation =
            next.withRunning(Optional.of(order))
                .withStep(
                    new Step.Probation(
                        now.plus(order.probation()),
                        now.plus(policy.reachGrace()),
                        reachable,
                        false),
                    now);
        yield state.pending().isPresent()
            ? OrderCourse.leaveProbation(probation, state.pending().get(), situation)
            : Transition.to(probation);
      }
      // Nothing is under way in these, or it ends as Restored.
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Ready _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RollingBack _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _,
          Step.Repairing _ ->
          Transition.to(state);
    };
  }

  private static Transition unitReady(SlotState state, Situation situation) {
    if (!(state.step() instanceof Step.Ready(boolean reachable))) {
      return Transition.to(state);
    }
    SlotState next = state.nextJob().withStep(new Step.Activating(reachable), situation.now());
    return Transition.to(next, new UpdateEffect.Activate(next.job(), state.order().orElseThrow()));
  }

  /** What never ran is given up; what runs goes back to what ran before. */
  private Transition unitBroken(SlotState state, SlotReport.Failure failure, Situation situation) {
    return switch (state.step()) {
      case Step.Waiting _,
          Step.Downloading _,
          Step.Verifying _,
          Step.Staged _,
          Step.Compiling _,
          Step.Ready _ ->
          OrderCourse.end(state.nextJob(), new Step.Failed(failure), situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.Probation _, Step.Proved _ -> OrderCourse.rollBack(state, failure, 1, situation);
      case Step.Idle _,
          Step.Activating _,
          Step.Committed _,
          Step.RollingBack _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _,
          Step.Repairing _ ->
          Transition.to(state);
    };
  }

  private static Transition unitLeft(
      SlotState state, SlotReport.Failure failure, Situation situation) {
    SlotState leaving =
        state
            .withOrder(state.running().orElseThrow())
            .withPending(state.pending().or(state::order));
    return OrderCourse.rollBack(leaving, failure, 1, situation)
        .after(new UpdateEffect.Cancel(state.job()));
  }

  private Transition restored(SlotState state, Optional<DesiredSlot> running, Situation situation) {
    SlotState next = state.nextJob().withRunning(running).withStarts(0);
    if (state.step() instanceof Step.RollingBack(SlotReport.Failure failure, int attempt)) {
      return OrderCourse.end(next, new Step.RolledBack(failure), situation);
    }
    if (state.step() instanceof Step.Repairing repairing) {
      return Transition.to(next.withStep(repairing.end(), situation.now()));
    }
    return Transition.to(state);
  }

  private Transition counted(SlotState state, UpdateEvent.Counted counted, Situation situation) {
    DesiredSlot order = state.order().orElse(null);
    if (order == null) {
      return Transition.to(state);
    }
    if (state.step() instanceof Step.Proved) {
      return ProbationRule.verdict(
                  counted.good(), counted.failed(), order.probationPredictions(), true)
              == ProbationRule.Verdict.BAD
          ? OrderCourse.rollBack(state, Failures.predictions(counted, order), 1, situation)
          : Transition.to(state);
    }
    if (!(state.step() instanceof Step.Probation probation)) {
      return Transition.to(state);
    }
    boolean reached = probation.reached() || situation.reachable();
    boolean timeOver = !situation.now().isBefore(probation.until());
    boolean graceOver = !situation.now().isBefore(probation.graceUntil());
    ProbationRule.Verdict verdict =
        ProbationRule.verdict(
            counted.good(), counted.failed(), order.probationPredictions(), timeOver);
    if (verdict == ProbationRule.Verdict.BAD) {
      return OrderCourse.rollBack(state, Failures.predictions(counted, order), 1, situation);
    }
    // It may be the new version that cut the device off. With nothing to go back to, it stays.
    if (graceOver && !reached && probation.reachable() && state.proven().isPresent()) {
      return OrderCourse.rollBack(state, Failures.cutOff(policy.reachGrace(), order), 1, situation);
    }
    if (verdict == ProbationRule.Verdict.GOOD && (reached || graceOver)) {
      return state.unit().isPresent()
          ? Transition.to(state.withStep(new Step.Proved(), situation.now()))
          : OrderCourse.committed(state, situation);
    }
    return Transition.to(
        state.withinStep(
            new Step.Probation(
                probation.until(), probation.graceUntil(), probation.reachable(), reached)));
  }
}
