package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Decides one slot's update. Pure: {@code (state, event, now) -> (state, effects)}.
 *
 * <pre>
 *            order                  done          done       tick
 *   IDLE ----------> DOWNLOADING ---------> VERIFYING ---> STAGED ---> COMPILING
 *                     ^   |  ^                  |                        |   | done
 *              wait   +---+  +---- retry -------+                        |   v
 *                         |                     |                        | ACTIVATING
 *                         | retries spent,      | signature,             |   | done
 *                         | not found           | profile                |   v
 *                         v                     v      model, golden     | PROBATION
 *                       FAILED               REJECTED <------------------+   |
 *                                                                            |
 *         COMMITTED <--- enough good predictions, or time without a failure -+
 *         ROLLED_BACK <--- the proven version answers again <--- a failure --+
 * </pre>
 *
 * <p>A newer order begins from DOWNLOADING at once, wherever the slot is; only while a version is
 * being switched in or out it waits for that. An order for what already runs and is proven is
 * COMMITTED at once. After a restart an unfinished order begins anew; one that was loaded too often
 * without proving itself is taken for the cause and ROLLED_BACK.
 */
final class UpdateMachine {
  private final UpdatePolicy policy;

  UpdateMachine(UpdatePolicy policy) {
    this.policy = policy;
  }

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

  Transition on(SlotState state, UpdateEvent event, Instant now) {
    return switch (event) {
      case UpdateEvent.Started started -> started(state.withRunning(started.running()));
      case UpdateEvent.Ordered ordered -> ordered(state, ordered);
      case UpdateEvent.Done(long job) ->
          job == state.job() ? done(state, now) : Transition.to(state);
      case UpdateEvent.Broken broken ->
          broken.job() == state.job()
              ? broken(state, new SlotReport.Failure(broken.code(), broken.detail()), now)
              : Transition.to(state);
      case UpdateEvent.Counted counted -> counted(state, counted);
      case UpdateEvent.Ticked ticked -> ticked(state, now);
    };
  }

  private Transition started(SlotState state) {
    if (state.order().isEmpty()) {
      return Transition.to(state);
    }
    DesiredSlot order = state.order().get();
    return switch (state.step()) {
      case Step.Idle idle -> Transition.to(state);
      // Its artifact was lost or damaged on disk: fetch it again.
      case Step.Committed committed ->
          runs(state, order) ? Transition.to(state) : begin(state.withStarts(0), order);
      case Step.RolledBack end -> Transition.to(state);
      case Step.Rejected end -> Transition.to(state);
      case Step.Failed end -> Transition.to(state);
      case Step.RollingBack(SlotReport.Failure failure, int attempt) ->
          end(state, new Step.RolledBack(failure));
      case Step.Downloading step -> beginAgain(state, order);
      case Step.Verifying step -> beginAgain(state, order);
      case Step.Staged step -> beginAgain(state, order);
      case Step.Compiling step -> beginAgain(state, order);
      case Step.Activating step -> beginAgain(state, order);
      case Step.Probation step -> beginAgain(state, order);
    };
  }

  private Transition beginAgain(SlotState state, DesiredSlot order) {
    if (state.starts() < policy.startsMax()) {
      return begin(state, order);
    }
    return end(
        state,
        new Step.RolledBack(
            new SlotReport.Failure(
                ErrorCode.PROBATION_FAILED,
                "the agent stopped %d times before %s proved itself"
                    .formatted(state.starts(), order.version()))));
  }

  private Transition ordered(SlotState state, UpdateEvent.Ordered event) {
    if (!event.generation().isAfter(state.generation())) {
      return Transition.to(state);
    }
    SlotState seen = state.withGeneration(event.generation());
    DesiredSlot order = event.order();
    Optional<DesiredSlot> newest = state.pending().or(state::order);
    if (newest.filter(order::equals).isPresent()) {
      return Transition.to(seen);
    }
    return switch (state.step()) {
      case Step.Activating step -> Transition.to(seen.withPending(Optional.of(order)));
      case Step.RollingBack step -> Transition.to(seen.withPending(Optional.of(order)));
      case Step.Downloading step -> preempt(seen, order);
      case Step.Verifying step -> preempt(seen, order);
      case Step.Compiling step -> preempt(seen, order);
      case Step.Idle step -> begin(seen.withStarts(0), order);
      case Step.Staged step -> begin(seen.withStarts(0), order);
      case Step.Probation step -> begin(seen.withStarts(0), order);
      case Step.Committed step -> begin(seen.withStarts(0), order);
      case Step.RolledBack step -> begin(seen.withStarts(0), order);
      case Step.Rejected step -> begin(seen.withStarts(0), order);
      case Step.Failed step -> begin(seen.withStarts(0), order);
    };
  }

  private Transition preempt(SlotState state, DesiredSlot order) {
    return begin(state.withStarts(0), order).after(new UpdateEffect.Cancel(state.job()));
  }

  private Transition begin(SlotState state, DesiredSlot order) {
    SlotState begun = state.withOrder(order).withPending(Optional.empty()).nextJob();
    boolean proven =
        state.proven().filter(last -> last.manifest().equals(order.manifest())).isPresent();
    if (proven && runs(state, order)) {
      return Transition.to(
          begun
              .withStep(new Step.Committed())
              .withProven(order)
              .withRunning(Optional.of(order))
              .withStarts(0),
          new UpdateEffect.Reconfigure(order),
          new UpdateEffect.Announce(order, Optional.empty()));
    }
    return Transition.to(
        begun.withStep(new Step.Downloading(1, Optional.empty())),
        new UpdateEffect.Download(begun.job(), order));
  }

  private static boolean runs(SlotState state, DesiredSlot order) {
    return state
        .running()
        .filter(running -> running.manifest().equals(order.manifest()))
        .isPresent();
  }

  private Transition done(SlotState state, Instant now) {
    DesiredSlot order = state.order().orElseThrow();
    SlotState next = state.nextJob();
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt) ->
          Transition.to(
              next.withStep(new Step.Verifying(attempt)),
              new UpdateEffect.Verify(next.job(), order));
      case Step.Verifying step -> Transition.to(next.withStep(new Step.Staged()));
      case Step.Compiling step ->
          Transition.to(
              next.withStep(new Step.Activating()), new UpdateEffect.Activate(next.job(), order));
      case Step.Activating step -> activated(next.withRunning(Optional.of(order)), order, now);
      case Step.RollingBack(SlotReport.Failure failure, int attempt) ->
          end(next.withRunning(state.proven()), new Step.RolledBack(failure));
      // Nothing is under way in these.
      case Step.Idle step -> Transition.to(state);
      case Step.Staged step -> Transition.to(state);
      case Step.Probation step -> Transition.to(state);
      case Step.Committed step -> Transition.to(state);
      case Step.RolledBack step -> Transition.to(state);
      case Step.Rejected step -> Transition.to(state);
      case Step.Failed step -> Transition.to(state);
    };
  }

  private Transition activated(SlotState state, DesiredSlot order, Instant now) {
    if (state.pending().isPresent()) {
      return begin(state.withStarts(0), state.pending().get());
    }
    if (order.probationPredictions() == 0) {
      return commit(state, order);
    }
    return Transition.to(state.withStep(new Step.Probation(now.plus(order.probation()))));
  }

  private static Transition commit(SlotState state, DesiredSlot order) {
    return Transition.to(
        state.withStep(new Step.Committed()).withProven(order).withStarts(0),
        new UpdateEffect.Sweep(),
        new UpdateEffect.Announce(order, Optional.empty()));
  }

  private Transition broken(SlotState state, SlotReport.Failure failure, Instant now) {
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt) ->
          retry(state, failure, attempt, now);
      case Step.Verifying(int attempt) -> retry(state, failure, attempt, now);
      case Step.Compiling step -> end(state.withStarts(0), terminal(failure));
      case Step.Activating step -> end(state.withStarts(0), terminal(failure));
      case Step.RollingBack(SlotReport.Failure cause, int attempt) ->
          attempt < policy.restoresMax()
              ? rollBack(state, cause, attempt + 1)
              : end(state, new Step.Failed(failure));
      case Step.Idle step -> Transition.to(state);
      case Step.Staged step -> Transition.to(state);
      case Step.Probation step -> Transition.to(state);
      case Step.Committed step -> Transition.to(state);
      case Step.RolledBack step -> Transition.to(state);
      case Step.Rejected step -> Transition.to(state);
      case Step.Failed step -> Transition.to(state);
    };
  }

  private Transition retry(SlotState state, SlotReport.Failure failure, int attempt, Instant now) {
    // Bytes that are wrong twice are wrong at their source.
    int attemptsMax =
        failure.code() == ErrorCode.ARTIFACT_DIGEST_MISMATCH
            ? Math.min(2, policy.attemptsMax())
            : policy.attemptsMax();
    if (failure.code().retry() != ErrorCode.Retry.SAME_CALL || attempt >= attemptsMax) {
      return end(state, terminal(failure));
    }
    long revision = state.order().map(DesiredSlot::revision).orElse(0L);
    Instant at = now.plus(policy.pause(revision, attempt));
    return Transition.to(
        state.nextJob().withStep(new Step.Downloading(attempt + 1, Optional.of(at))));
  }

  private static Step terminal(SlotReport.Failure failure) {
    return switch (failure.code()) {
      case PROFILE_UNSUPPORTED, ENGINE_UNAVAILABLE, ARTIFACT_TOO_LARGE, ARTIFACT_DIGEST_MISMATCH ->
          new Step.Rejected(failure);
      default ->
          failure.code().retry() == ErrorCode.Retry.NEVER
              ? new Step.Rejected(failure)
              : new Step.Failed(failure);
    };
  }

  private Transition end(SlotState state, Step end) {
    DesiredSlot order = state.order().orElseThrow();
    UpdateEffect announce = new UpdateEffect.Announce(order, end.problem());
    if (state.pending().isPresent()) {
      return begin(state.withStep(end).withStarts(0), state.pending().get()).after(announce);
    }
    return Transition.to(state.withStep(end).withStarts(0), announce);
  }

  private Transition counted(SlotState state, UpdateEvent.Counted counted) {
    if (!(state.step() instanceof Step.Probation)) {
      return Transition.to(state);
    }
    DesiredSlot order = state.order().orElseThrow();
    if (counted.failed() > 0) {
      return rollBack(
          state,
          new SlotReport.Failure(
              ErrorCode.PROBATION_FAILED,
              "%d of %d predictions of %s failed on probation"
                  .formatted(counted.failed(), counted.good() + counted.failed(), order.version())),
          1);
    }
    return counted.good() >= order.probationPredictions()
        ? commit(state, order)
        : Transition.to(state);
  }

  private Transition rollBack(SlotState state, SlotReport.Failure failure, int attempt) {
    SlotState next = state.nextJob().withStep(new Step.RollingBack(failure, attempt));
    return Transition.to(next, new UpdateEffect.Restore(next.job(), state.proven()));
  }

  private Transition ticked(SlotState state, Instant now) {
    return switch (state.step()) {
      case Step.Downloading(int attempt, Optional<Instant> retryAt)
          when retryAt.isPresent() && !now.isBefore(retryAt.get()) -> {
        SlotState next = state.nextJob().withStep(new Step.Downloading(attempt, Optional.empty()));
        yield Transition.to(
            next, new UpdateEffect.Download(next.job(), state.order().orElseThrow()));
      }
      case Step.Staged staged -> {
        SlotState next =
            state.nextJob().withStarts(state.starts() + 1).withStep(new Step.Compiling());
        yield Transition.to(
            next, new UpdateEffect.Compile(next.job(), state.order().orElseThrow()));
      }
      case Step.Probation(Instant until) when !now.isBefore(until) ->
          commit(state, state.order().orElseThrow());
      case Step.Downloading step -> Transition.to(state);
      case Step.Probation step -> Transition.to(state);
      case Step.Idle step -> Transition.to(state);
      case Step.Verifying step -> Transition.to(state);
      case Step.Compiling step -> Transition.to(state);
      case Step.Activating step -> Transition.to(state);
      case Step.Committed step -> Transition.to(state);
      case Step.RollingBack step -> Transition.to(state);
      case Step.RolledBack step -> Transition.to(state);
      case Step.Rejected step -> Transition.to(state);
      case Step.Failed step -> Transition.to(state);
    };
  }
}
