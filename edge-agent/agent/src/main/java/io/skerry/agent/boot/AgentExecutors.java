package io.skerry.agent.boot;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads that one or many device agents of a process share.
 *
 * @param clockwork starts what happens again and again; never blocked
 * @param work runs what may block
 * @param loads runs what may stay in native code for long
 */
public record AgentExecutors(
    ScheduledExecutorService clockwork, ExecutorService work, ExecutorService loads)
    implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AgentExecutors.class);

  /** One thread for the clockwork, virtual threads for the work, a thread for each load. */
  public static AgentExecutors create() {
    ScheduledThreadPoolExecutor clockwork =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("agent-clockwork").factory());
    clockwork.setRemoveOnCancelPolicy(true);
    return new AgentExecutors(
        clockwork,
        Executors.newVirtualThreadPerTaskExecutor(),
        Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("model-load-", 0).factory()));
  }

  /** Something that happens again and again. */
  interface Repetition {
    /** A run under way ends; no other begins. */
    void stop();
  }

  /** Runs a task again and again, never twice at a time; what it throws is logged. */
  Repetition every(long millis, String name, Runnable task) {
    AtomicBoolean running = new AtomicBoolean();
    Runnable guarded =
        () -> {
          try {
            task.run();
          } catch (RuntimeException e) {
            log.atError().addKeyValue("task", name).setCause(e).log("task failed");
          } finally {
            running.set(false);
          }
        };
    ScheduledFuture<?> future =
        clockwork.scheduleAtFixedRate(
            () -> {
              if (running.compareAndSet(false, true)) {
                work.execute(guarded);
              }
            },
            millis,
            millis,
            TimeUnit.MILLISECONDS);
    return () -> future.cancel(false);
  }

  @Override
  public void close() {
    clockwork.shutdownNow();
    work.shutdownNow();
    loads.shutdownNow();
  }
}
