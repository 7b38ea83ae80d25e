package io.skerry.agent.update;

import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the parts of updates that block, tells how they ended, and stops those that are no longer
 * wanted as far as they can be stopped: what sits in native code runs to its end, and nobody
 * listens. Thread-safe.
 */
final class UpdateJobs {
  private static final Logger log = LoggerFactory.getLogger(UpdateJobs.class);

  private final Executor executor;
  private final Executor loads;
  private final BiConsumer<SlotId, UpdateEvent> outcomes;
  private final Map<Key, Job> jobs = new ConcurrentHashMap<>();

  private record Key(SlotId slot, long number) {}

  private static final class Job {
    private boolean cancelled;
    private @Nullable Thread thread;

    synchronized boolean begin() {
      thread = Thread.currentThread();
      return !cancelled;
    }

    synchronized void end() {
      thread = null;
      // An interrupt meant for this job must not meet what its thread does next.
      Thread.interrupted();
    }

    synchronized void cancel() {
      cancelled = true;
      if (thread != null) {
        thread.interrupt();
      }
    }

    synchronized boolean isCancelled() {
      return cancelled;
    }
  }

  /** A part of an update that may block and fail. */
  interface Work {
    /**
     * Does it.
     *
     * @param cancelled whether it may stop
     * @return how it ended
     */
    UpdateEvent run(BooleanSupplier cancelled) throws UpdateException;
  }

  /**
   * @param loads for what calls an engine
   * @param outcomes is told of the end of every job that was not cancelled before it began
   */
  UpdateJobs(Executor executor, Executor loads, BiConsumer<SlotId, UpdateEvent> outcomes) {
    this.executor = executor;
    this.loads = loads;
    this.outcomes = outcomes;
  }

  void run(SlotId slot, long number, Work work) {
    run(slot, number, work, executor);
  }

  /** Runs what calls an engine. */
  void load(SlotId slot, long number, Work work) {
    run(slot, number, work, loads);
  }

  private void run(SlotId slot, long number, Work work, Executor on) {
    Key key = new Key(slot, number);
    Job job = new Job();
    jobs.put(key, job);
    on.execute(
        () -> {
          try {
            if (job.begin()) {
              UpdateEvent outcome = outcome(slot, number, job, work);
              job.end();
              outcomes.accept(slot, outcome);
            }
          } finally {
            job.end();
            jobs.remove(key);
          }
        });
  }

  private static UpdateEvent outcome(SlotId slot, long number, Job job, Work work) {
    try {
      return work.run(job::isCancelled);
    } catch (UpdateException e) {
      return new UpdateEvent.Broken(
          number, e.code(), String.valueOf(e.getMessage()), e.retryAfter());
    } catch (OutOfMemoryError e) {
      // A model that asks for more than there is must not take the agent with it.
      return broken(slot, number, ErrorCode.ACCEPTANCE_MEMORY, e);
    } catch (StackOverflowError | LinkageError e) {
      return broken(slot, number, ErrorCode.MODEL_LOAD_FAILED, e);
    } catch (RuntimeException e) {
      return broken(slot, number, ErrorCode.INTERNAL, e);
    }
  }

  private static UpdateEvent broken(SlotId slot, long number, ErrorCode code, Throwable cause) {
    log.atError().addKeyValue("slot", slot).setCause(cause).log("update step failed");
    return new UpdateEvent.Broken(number, code, cause.toString(), Optional.empty());
  }

  void cancel(SlotId slot, long number) {
    Job job = jobs.get(new Key(slot, number));
    if (job != null) {
      job.cancel();
    }
  }

  void cancelAll() {
    jobs.values().forEach(Job::cancel);
  }
}
