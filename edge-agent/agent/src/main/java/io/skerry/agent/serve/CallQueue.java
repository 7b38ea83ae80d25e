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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which calls run now and which wait.
 *
 * <p>While there is a free place a call runs at once, on the thread that brought it when it is
 * short and no long one runs: beside that it might wait for a core, and with it everybody whose
 * calls that thread brings. One that turns out there to have to wait, for memory or for a batch,
 * keeps its place and runs on another thread. Calls that are run together with others take no
 * place: they have to meet, and their model runs only so many at a time itself. Others wait and
 * take {@link Turns}. While long calls have every place there is one more, for one short call at a
 * time: a slow model holds up no quick one. Nobody's calls fill more than a share of the queue. A
 * call leaves the queue when it is cancelled or its time is up; nobody waits for a thread while it
 * does. Thread-safe.
 */
final class CallQueue implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CallQueue.class);

  /** Calls at a time that are run together with others; each has a thread. */
  static final int JOINED_MAX = 64;

  /** What waits. Either it is run or it is refused, once. */
  interface Work {
    /** Size of the request, which is kept while it waits. */
    long bytes();

    /** Whose it is. */
    String application();

    /** Whether it is run together with others, if they meet. */
    boolean joins();

    void run();

    /**
     * Runs on a thread that must not wait.
     *
     * @return whether it ran; not, when it would have to wait
     */
    boolean runHere();

    void refuse(PredictException why);
  }

  private enum Kind {
    SHORT,
    LONG,
    JOINED;

    static Kind of(Work work, boolean brief) {
      return work.joins() ? JOINED : brief ? SHORT : LONG;
    }
  }

  /** A place in the queue. */
  final class Waiting {
    private final Work work;
    private final int priority;
    private final long bytes;
    private final Kind kind;
    private @Nullable ScheduledFuture<?> timeout;

    private Waiting(Work work, int priority, long bytes, Kind kind) {
      this.work = work;
      this.priority = priority;
      this.bytes = bytes;
      this.kind = kind;
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
  private final Executor joining;
  private final ScheduledThreadPoolExecutor timer;
  private final Turns<Waiting> waiting = new Turns<>();
  private final Map<String, Share> shares = new HashMap<>();
  private int waitingCalls;
  private int waitingJoined;
  private long waitingBytes;
  private int running;
  private int runningLong;
  private int joined;

  /**
   * Makes an empty queue.
   *
   * @param executor has a thread for every place
   * @param joining makes threads, for at most {@link #JOINED_MAX} calls at a time
   */
  CallQueue(QueueConfig config, Executor executor, Executor joining) {
    this.config = config;
    this.executor = executor;
    this.joining = joining;
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
    Kind kind = Kind.of(work, brief);
    String full;
    boolean here;
    synchronized (this) {
      here = kind == Kind.SHORT && runningLong == 0;
      if (mayBegin(kind)) {
        count(kind, 1);
        full = "";
      } else {
        long bytes = work.bytes();
        full = full(work.application(), bytes);
        if (full.isEmpty()) {
          return enqueue(work, priority, bytes, kind, timeoutNanos);
        }
      }
    }
    if (full.isEmpty()) {
      if ((!here || !runHere(work)) && !execute(work, kind)) {
        next(kind);
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

  private Waiting enqueue(Work work, int priority, long bytes, Kind kind, long timeoutNanos) {
    Waiting place = new Waiting(work, priority, bytes, kind);
    if (timeoutNanos > 0) {
      place.timeout =
          timer.schedule(
              () ->
                  place.leave(
                      () -> new PredictException(Code.UNAVAILABLE, "Request timeout expired")),
              timeoutNanos,
              TimeUnit.NANOSECONDS);
    }
    Share share = shares.computeIfAbsent(work.application(), name -> new Share());
    share.calls++;
    share.bytes += bytes;
    waiting.add(priority, work.application(), place);
    waitingCalls++;
    waitingJoined += kind == Kind.JOINED ? 1 : 0;
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
        next(Kind.SHORT);
      }
    }
  }

  /** Whether a thread runs it; else it was refused, and its place is to be given on. */
  private boolean execute(Work work, Kind kind) {
    try {
      (kind == Kind.JOINED ? joining : executor).execute(() -> run(work, kind));
      return true;
    } catch (RuntimeException | Error e) {
      // The machine gives no more threads or memory, or the agent ends.
      refuse(
          work,
          new PredictException(
              Code.RESOURCE_EXHAUSTED, "there is no thread for this request now", e));
      return false;
    }
  }

  // Whatever becomes of the telling, the place is to be given on.
  private static void refuse(Work work, PredictException why) {
    try {
      work.refuse(why);
    } catch (RuntimeException | Error e) {
      log.atWarn().setCause(e).log("a refused call was not told");
    }
  }

  private void run(Work work, Kind kind) {
    try {
      work.run();
    } finally {
      next(kind);
    }
  }

  // The next call runs on a thread of its own: this one may have more to do for its client.
  private void next(Kind ended) {
    Waiting next = ended(ended);
    while (next != null) {
      next = execute(next.work, next.kind) ? begun() : ended(next.kind);
    }
  }

  private synchronized @Nullable Waiting ended(Kind kind) {
    count(kind, -1);
    return begun();
  }

  private void count(Kind kind, int more) {
    if (kind == Kind.JOINED) {
      joined += more;
    } else {
      running += more;
      runningLong += kind == Kind.LONG ? more : 0;
    }
  }

  private boolean mayBegin(Kind kind) {
    return switch (kind) {
      case JOINED -> joined < JOINED_MAX;
      case SHORT -> running < config.runsMax() || isShortPlaceFree();
      case LONG -> running < config.runsMax();
    };
  }

  /** Takes out what may begin now. */
  private synchronized @Nullable Waiting begun() {
    boolean anyJoined = waitingJoined > 0;
    boolean joins = anyJoined && mayBegin(Kind.JOINED);
    boolean others = waitingCalls > waitingJoined;
    Waiting next = null;
    if (others && mayBegin(Kind.LONG) && joins == anyJoined) {
      next = waiting.poll();
    } else if (joins || (others && mayBegin(Kind.SHORT))) {
      next = waiting.poll(place -> mayBegin(place.kind));
    }
    if (next != null) {
      count(next.kind, 1);
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
    waitingJoined -= place.kind == Kind.JOINED ? 1 : 0;
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
