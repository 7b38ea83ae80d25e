package io.skerry.control.host;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread that does one thing again and again until it is ended; a failure is logged once and
 * tried again after a pause that doubles up to a bound.
 */
public final class Loop implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Loop.class);
  private static final long PAUSE_MILLIS_FIRST = 100;
  private static final long PAUSE_MILLIS_MAX = 5000;
  private static final Duration END_WAIT = Duration.ofSeconds(10);

  private final String name;
  private final Step step;
  private final Thread thread;
  private volatile boolean ended;

  /** One round. */
  @FunctionalInterface
  public interface Step {
    /** Does what there is to do; waits by itself when there is nothing. */
    void run() throws InterruptedException;
  }

  private Loop(String name, Step step) {
    this.name = name;
    this.step = step;
    this.thread = Thread.ofPlatform().name("skerry-" + name).daemon().unstarted(this::run);
  }

  /** Starts a thread of this name. */
  public static Loop start(String name, Step step) {
    Loop loop = new Loop(name, step);
    loop.thread.start();
    return loop;
  }

  /** Starts a thread that runs the step, then waits, and so on. */
  public static Loop every(String name, Duration period, Step step) {
    return start(
        name,
        () -> {
          step.run();
          Thread.sleep(period);
        });
  }

  private void run() {
    long pauseMillis = PAUSE_MILLIS_FIRST;
    while (!ended) {
      try {
        step.run();
        pauseMillis = PAUSE_MILLIS_FIRST;
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
        if (ended) {
          return;
        }
        tell(e);
        if (!paused(pauseMillis)) {
          return;
        }
        pauseMillis = Math.min(PAUSE_MILLIS_MAX, 2 * pauseMillis);
      }
    }
  }

  private void tell(Throwable failure) {
    try {
      log.atError().setCause(failure).addKeyValue("loop", name).log("round failed");
    } catch (OutOfMemoryError | StackOverflowError e) {
      // No room to tell it either: the loop goes on, and what does not pass is told later.
    }
  }

  private static boolean paused(long pauseMillis) {
    try {
      Thread.sleep(pauseMillis);
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  /** Ends the thread; waits for its round. */
  @Override
  public void close() {
    ended = true;
    thread.interrupt();
    try {
      if (!thread.join(END_WAIT)) {
        log.atWarn().addKeyValue("loop", name).log("loop did not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
