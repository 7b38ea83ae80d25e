package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Which calls run now and which wait.
 *
 * <p>While there is a free place a call runs at once, on the thread that brought it when it is
 * short and no long one runs: beside that it might wait for a core, and with it everybody whose
 * calls that thread brings. One that turns out there to have to wait, for an engine or for memory,
 * keeps its place and runs on another thread. Others wait and take {@link Turns}. While long calls
 * have every place there is one more, for one short call at a time: a slow model holds up no quick
 * one. Nobody's calls fill more than a share of the queue. A call leaves the queue when it is
 * cancelled or its time is up; nobody waits for a thread while it does. Thread-safe.
 */
final class CallQueue implements AutoCloseable {
  /** What waits. Either it is run or it is refused, once. */
  interface Work {
    /** Size of the request, which is kept while it waits. */
    long bytes();

    /** Whose it is. */
    String application();

    void run();

    /**
     * Runs on a thread that must not wait.
     *
     * @return whether it ran; not, when it would have to wait
     */
    boolean runHere();

    void refuse(PredictException why);
  }

  /** A place in the queue. */
  final class Waiting {
    private final Work work;
    private final int priority;
    private final long bytes;
    private final boolean brief;
    private @Nullable ScheduledFuture<?> timeout;

    private Waiting(Work work, int priority, long bytes, boolean brief) {
      this.work = work;
      this.priority = priority;
      this.bytes = bytes;
      this.brief = brief;
    }

    /**
     * Leaves the queue; without effect when the work has begun or was refused.
     *
     * @param why is asked only when it has an effect
     */
    void leave(Supplier<PredictException> why) {
      if (remove(this)) {
        work.refuse(why.get());
      }
    }
  }

  /** One application's part of the queue; there is none of who has no call that waits. */
  private static final class Share {
    private int calls;
    private long bytes;
  }

  private final QueueConfig config;
  private final Executor executor;
  private final ScheduledThreadPoolExecutor timer;
  private final Turns<Waiting> waiting = new Turns<>();
  private final Map<String, Share> shares = new HashMap<>();
  private int waitingCalls;
  private long waitingBytes;
  private int running;
  private int runningLong;

  CallQueue(QueueConfig config, Executor executor) {
    this.config = config;
    this.executor = executor;
    timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("agent-timeouts").factory());
    timer.setRemoveOnCancelPolicy(true);
  }

  /**
   * Runs the work, at once or later, or refuses it.
   *
   * @param timeoutNanos how long it may wait; 0 for as long as it takes
   * @param brief whether it is short, and so may run on this thread while no long one runs
   * @return its place when it waits
   */
  @Nullable Waiting submit(Work work, int priority, long timeoutNanos, boolean brief) {
    String full;
    boolean here;
    synchronized (this) {
      here = brief && runningLong == 0;
      if (running < config.runsMax() || (brief && isShortPlaceFree())) {
        running++;
        runningLong += brief ? 0 : 1;
        full = "";
      } else {
        long bytes = work.bytes();
        full = full(work.application(), bytes);
        if (full.isEmpty()) {
          return enqueue(work, priority, bytes, brief, timeoutNanos);
        }
      }
    }
    if (full.isEmpty()) {
      if (!here || !runHere(work)) {
        executor.execute(() -> run(work, brief));
      }
    } else {
      work.refuse(new PredictException(Code.UNAVAILABLE, full));
    }
    return null;
  }

  // A call that is larger than a share may wait while it is its application's only one.
  private String full(String application, long bytes) {
    if (waitingCalls >= config.waitingMax() || bytes > config.waitingBytesMax() - waitingBytes) {
      return "Exceeds maximum queue size: %d calls of %d bytes wait"
          .formatted(waitingCalls, waitingBytes);
    }
    Share share = shares.get(application);
    if (share != null
        && (share.calls >= config.shareMax() || bytes > config.shareBytesMax() - share.bytes)) {
      return "Exceeds maximum queue size of one application: %d calls of %d bytes of '%s' wait"
          .formatted(share.calls, share.bytes, application);
    }
    return "";
  }

  /** How many calls wait. */
  synchronized int waiting() {
    return waitingCalls;
  }

  /** How many calls of an application wait. */
  synchronized int waiting(String application) {
    Share share = shares.get(application);
    return share == null ? 0 : share.calls;
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }

  private Waiting enqueue(Work work, int priority, long bytes, boolean brief, long timeoutNanos) {
    Share share = shares.computeIfAbsent(work.application(), name -> new Share());
    share.calls++;
    share.bytes += bytes;
    Waiting place = new Waiting(work, priority, bytes, brief);
    if (timeoutNanos > 0) {
      place.timeout =
          timer.schedule(
              () ->
                  place.leave(
                      () -> new PredictException(Code.UNAVAILABLE, "Request timeout expired")),
              timeoutNanos,
              TimeUnit.NANOSECONDS);
    }
    waiting.add(priority, work.application(), place);
    waitingCalls++;
    waitingBytes += place.bytes;
    return place;
  }

  private boolean runHere(Work work) {
    boolean over = true;
    try {
      over = work.runHere();
      return over;
    } finally {
      if (over) {
        next(true);
      }
    }
  }

  private void run(Work work, boolean brief) {
    try {
      work.run();
    } finally {
      next(brief);
    }
  }

  // The next call runs on a thread of its own: this one may have more to do for its client.
  private void next(boolean wasBrief) {
    for (Waiting next = ended(wasBrief); next != null; next = begun()) {
      Waiting begins = next;
      executor.execute(() -> run(begins.work, begins.brief));
    }
  }

  private synchronized @Nullable Waiting ended(boolean wasBrief) {
    running--;
    runningLong -= wasBrief ? 0 : 1;
    return begun();
  }

  /** Takes out what may begin now. */
  private synchronized @Nullable Waiting begun() {
    Waiting next = null;
    if (waitingCalls > 0 && running < config.runsMax()) {
      next = waiting.poll();
    } else if (waitingCalls > 0 && isShortPlaceFree()) {
      next = waiting.poll(place -> place.brief);
    }
    if (next != null) {
      running++;
      runningLong += next.brief ? 0 : 1;
      left(next);
    }
    return next;
  }

  private boolean isShortPlaceFree() {
    return running == config.runsMax() && runningLong == running;
  }

  private synchronized boolean remove(Waiting place) {
    boolean removed = waiting.remove(place.priority, place.work.application(), place);
    if (removed) {
      left(place);
    }
    return removed;
  }

  private void left(Waiting place) {
    waitingCalls--;
    waitingBytes -= place.bytes;
    Share share = shares.get(place.work.application());
    if (share != null && --share.calls == 0) {
      shares.remove(place.work.application());
    } else if (share != null) {
      share.bytes -= place.bytes;
    }
    if (place.timeout != null) {
      place.timeout.cancel(false);
    }
  }
}
