package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
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
 */
final class UpdateMachine {
  private final UpdatePolicy policy;

  UpdateMachine(UpdatePolicy policy) {
    this.policy = policy;
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
          broken.job() == state.job() ? broken(state, broken, situation) : Transition.to(state);
      case UpdateEvent.Counted counted -> counted(state, counted, situation);
      case UpdateEvent.UnitReady _ -> unitReady(state, situation);
      case UpdateEvent.UnitProved _ ->
          state.step() instanceof Step.Proved ? committed(state, situation) : Transition.to(state);
      case UpdateEvent.UnitBroken(SlotReport.Failure failure) ->
          unitBroken(state, failure, situation);
      case UpdateEvent.UnitLeft(SlotReport.Failure failure) ->
          state.running().isPresent() ? unitLeft(state, failure, situation) : Transition.to(state);
      case UpdateEvent.Ticked _ -> ticked(state, situation);
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
          end(
              fresh,
              new Step.RolledBack(Failures.crashLoop(state.loads() - 1, order, "LOADING")),
              situation);
      // Its artifact was lost or damaged on disk: fetch it again.
      case Step.Committed _ -> begin(fresh.withStarts(0), order, situation);
      case Step.RolledBack end -> settled(fresh, end, situation);
      case Step.Rejected end -> settled(fresh, end, situation);
      case Step.Failed end -> settled(fresh, end, situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt) ->
          fresh.starts() < policy.startsMax()
              ? settled(fresh, end, situation)
              : Transition.to(fresh.withStep(end, situation.now()));
      case Step.RollingBack(SlotReport.Failure failure, int attempt) ->
          end(fresh, new Step.RolledBack(failure), situation);
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
              ? begin(fresh, order, situation)
              : end(
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
          beginNew(seen, order, situation).after(new UpdateEffect.Cancel(state.job()));
      case Step.Probation _, Step.Proved _ -> leaveProbation(seen, order, situation);
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          beginNew(seen, order, situation);
    };
  }

  /** An unproven version is not left running unwatched while the next one is fetched. */
  private Transition leaveProbation(SlotState state, DesiredSlot next, Situation situation) {
    if (state.proven().isEmpty()
        || state.runs(state.proven())
        || next.mode() instanceof SlotMode.Off) {
      return beginNew(state, next, situation);
    }
    return rollBack(state.withPending(Optional.of(next)), Failures.superseded(next), 1, situation);
  }

  private Transition beginNew(SlotState state, DesiredSlot order, Situation situation) {
    return begin(
        state.withCounts(new SlotState.Counts(0, state.loads(), 0, Duration.ZERO)),
        order,
        situation);
  }

  private Transition begin(SlotState state, DesiredSlot order, Situation situation) {
    SlotState begun = state.withOrder(order).withPending(Optional.empty()).nextJob();
    if (order.mode() instanceof SlotMode.Off) {
      return Transition.to(
          begun
              .withStep(new Step.Committed(), situation.now())
              .withoutProven(2)
              .withRunning(Optional.empty())
              .withStarts(0),
          new UpdateEffect.Unload(order),
          new UpdateEffect.Sweep(),
          new UpdateEffect.Announce(order, Optional.empty()));
    }
    if (SlotState.sameManifest(state.proven(), order) && state.runs(Optional.of(order))) {
      return Transition.to(
          begun
              .withStep(new Step.Committed(), situation.now())
              .withProven(order)
              .withRunning(Optional.of(order))
              .withStarts(0),
          new UpdateEffect.Reconfigure(order),
          new UpdateEffect.Announce(order, Optional.empty()));
    }
    if (!situation.fresh() && !state.isKnown(order)) {
      return Transition.to(
          begun.withStep(new Step.Waiting(Failures.expired(order)), situation.now()));
    }
    return download(begun, new Step.Downloading(1, Optional.empty()), situation);
  }

  private static Transition download(SlotState state, Step step, Situation situation) {
    SlotState next = state.withStep(step, situation.now());
    return Transition.to(
        next,
        new UpdateEffect.Download(
            next.job(), next.order().orElseThrow(), next.counts().received()));
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
            ? leaveProbation(probation, state.pending().get(), situation)
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
          end(state.nextJob(), new Step.Failed(failure), situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.Probation _, Step.Proved _ -> rollBack(state, failure, 1, situation);
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
    return rollBack(leaving, failure, 1, situation).after(new UpdateEffect.Cancel(state.job()));
  }

  private Transition committed(SlotState state, Situation situation) {
    DesiredSlot order = state.order().orElseThrow();
    return Transition.to(
        state.withStep(new Step.Committed(), situation.now()).withProven(order).withStarts(0),
        new UpdateEffect.Sweep(),
        new UpdateEffect.Announce(order, Optional.empty()));
  }

  private Transition restored(SlotState state, Optional<DesiredSlot> running, Situation situation) {
    SlotState next = state.nextJob().withRunning(running).withStarts(0);
    if (state.step() instanceof Step.RollingBack(SlotReport.Failure failure, int attempt)) {
      return end(next, new Step.RolledBack(failure), situation);
    }
    if (state.step() instanceof Step.Repairing repairing) {
      return Transition.to(next.withStep(repairing.end(), situation.now()));
    }
    return Transition.to(state);
  }

  private Transition broken(SlotState state, UpdateEvent.Broken event, Situation situation) {
    SlotReport.Failure failure = new SlotReport.Failure(event.code(), event.detail());
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt) ->
          retry(state, failure, attempt, event.retryAfter(), situation);
      case Step.Verifying(int attempt) ->
          retry(state, failure, attempt, Optional.empty(), situation);
      case Step.Compiling _ when Failures.isDamage(failure.code()) ->
          retry(state, failure, state.starts(), Optional.empty(), situation);
      case Step.Compiling _, Step.Activating _ -> end(state, Failures.terminal(failure), situation);
      case Step.RollingBack(SlotReport.Failure cause, int attempt) ->
          attempt < policy.restoresMax()
              ? rollBack(state, cause, attempt + 1, situation)
              // What answers goes on answering: it is better than nothing.
              : end(state, new Step.Failed(Failures.both(cause, failure)), situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt) ->
          Transition.to(
              state
                  .nextJob()
                  .withStarts(0)
                  .withStep(
                      new Step.Repairing(
                          end,
                          attempt + 1,
                          Optional.of(
                              situation.now().plus(policy.repairPause(state.job(), attempt)))),
                      situation.now()));
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Ready _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          Transition.to(state);
    };
  }

  private Transition retry(
      SlotState state,
      SlotReport.Failure failure,
      int attempt,
      Optional<Duration> retryAfter,
      Situation situation) {
    boolean damagedHere =
        Failures.isDamage(failure.code()) && !(state.step() instanceof Step.Downloading);
    // Bytes that are wrong twice are wrong at their source.
    int attemptsMax =
        failure.code() == ErrorCode.ARTIFACT_DIGEST_MISMATCH
            ? Math.min(2, policy.attemptsMax())
            : policy.attemptsMax();
    if ((failure.code().retry() != ErrorCode.Retry.SAME_CALL && !damagedHere)
        || attempt >= attemptsMax) {
      return end(state, Failures.terminal(failure), situation);
    }
    long revision = state.order().map(DesiredSlot::revision).orElse(0L);
    Duration pause = policy.pause(revision, attempt);
    Duration asked = retryAfter.orElse(Duration.ZERO);
    Duration bounded = asked.compareTo(policy.retryAfterMax()) < 0 ? asked : policy.retryAfterMax();
    Instant at = situation.now().plus(pause.compareTo(bounded) > 0 ? pause : bounded);
    return Transition.to(
        state
            .nextJob()
            .withStep(new Step.Downloading(attempt + 1, Optional.of(at)), situation.now()));
  }

  private Transition end(SlotState state, Step end, Situation situation) {
    UpdateEffect announce = new UpdateEffect.Announce(state.order().orElseThrow(), end.problem());
    if (state.pending().isPresent()) {
      return beginNew(state.withStep(end, situation.now()), state.pending().get(), situation)
          .after(announce);
    }
    return settled(state.withStarts(0), end, situation).after(announce);
  }

  /** At the end of an order; a proven version that does not answer is to be fetched again. */
  private Transition settled(SlotState state, Step end, Situation situation) {
    boolean lost = state.proven().isPresent() && !state.runs(state.proven());
    Step step = lost ? new Step.Repairing(end, 1, Optional.of(situation.now())) : end;
    return Transition.to(state.withStep(step, situation.now()));
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
          ? rollBack(state, Failures.predictions(counted, order), 1, situation)
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
      return rollBack(state, Failures.predictions(counted, order), 1, situation);
    }
    // It may be the new version that cut the device off. With nothing to go back to, it stays.
    if (graceOver && !reached && probation.reachable() && state.proven().isPresent()) {
      return rollBack(state, Failures.cutOff(policy.reachGrace(), order), 1, situation);
    }
    if (verdict == ProbationRule.Verdict.GOOD && (reached || graceOver)) {
      return state.unit().isPresent()
          ? Transition.to(state.withStep(new Step.Proved(), situation.now()))
          : committed(state, situation);
    }
    return Transition.to(
        state.withinStep(
            new Step.Probation(
                probation.until(), probation.graceUntil(), probation.reachable(), reached)));
  }

  private static Transition rollBack(
      SlotState state, SlotReport.Failure failure, int attempt, Situation situation) {
    SlotState next =
        state.nextJob().withStep(new Step.RollingBack(failure, attempt), situation.now());
    return Transition.to(next, new UpdateEffect.Restore(next.job(), state.fallbacks()));
  }

  private Transition ticked(SlotState state, Situation situation) {
    Instant now = situation.now();
    Duration inStep = Duration.between(state.since(), now);
    UpdatePolicy.Timers timers = policy.timers();
    Duration inProgress = state.counts().spent().plus(inStep);
    return switch (state.step()) {
      case Step.Waiting _ when situation.fresh() ->
          beginNew(state, state.order().orElseThrow(), situation);
      case Step.Downloading _, Step.Verifying _, Step.Staged _, Step.Compiling _, Step.Ready _
          when inProgress.compareTo(timers.inProgress()) > 0 ->
          end(state.nextJob(), Failures.outOfTime(state, inProgress), situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.Downloading(int attempt, Optional<Instant> retryAt) when retryAt.isPresent() ->
          now.isBefore(retryAt.get())
              ? Transition.to(state)
              : download(
                  state.nextJob(), new Step.Downloading(attempt, Optional.empty()), situation);
      case Step.Downloading _ ->
          hung(state, inStep, timers.download(), ErrorCode.DOWNLOAD_FAILED, situation);
      case Step.Verifying _ ->
          hung(state, inStep, timers.verify(), ErrorCode.STORAGE_FAILED, situation);
      case Step.Staged _ -> {
        SlotState next =
            state
                .nextJob()
                .withStarts(state.starts() + 1)
                .withStep(new Step.Compiling(situation.reachable()), now);
        yield Transition.to(
            next, new UpdateEffect.Compile(next.job(), state.order().orElseThrow()));
      }
      case Step.Compiling _ ->
          hung(state, inStep, timers.compile(), ErrorCode.MODEL_LOAD_FAILED, situation);
      // Nobody knows what answers now: go back to what is proven.
      case Step.Activating _ when inStep.compareTo(timers.activate()) > 0 ->
          rollBack(state, Failures.hang(state, inStep, ErrorCode.INTERNAL), 1, situation)
              .after(new UpdateEffect.Cancel(state.job()));
      case Step.RollingBack _ ->
          hung(state, inStep, timers.compile(), ErrorCode.MODEL_LOAD_FAILED, situation);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt)
          when retryAt.isPresent() ->
          now.isBefore(retryAt.get())
              ? Transition.to(state)
              : repair(state, end, attempt, situation);
      case Step.Repairing _ ->
          hung(state, inStep, timers.download(), ErrorCode.DOWNLOAD_FAILED, situation);
      case Step.Idle _,
          Step.Waiting _,
          Step.Ready _,
          Step.Activating _,
          Step.Probation _,
          Step.Proved _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          Transition.to(state);
    };
  }

  private static Transition repair(SlotState state, Step end, int attempt, Situation situation) {
    SlotState next =
        state
            .nextJob()
            .withStarts(state.starts() + 1)
            .withStep(new Step.Repairing(end, attempt, Optional.empty()), situation.now());
    return Transition.to(next, new UpdateEffect.Repair(next.job(), state.proven().orElseThrow()));
  }

  private Transition hung(
      SlotState state, Duration inStep, Duration max, ErrorCode code, Situation situation) {
    if (inStep.compareTo(max) <= 0) {
      return Transition.to(state);
    }
    SlotReport.Failure failure = Failures.hang(state, inStep, code);
    Transition next =
        state.step() instanceof Step.Compiling
            ? end(state.nextJob(), new Step.Failed(failure), situation)
            : broken(
                state,
                new UpdateEvent.Broken(
                    state.job(), failure.code(), failure.detail(), Optional.empty()),
                situation);
    return next.after(new UpdateEffect.Cancel(state.job()));
  }
}
