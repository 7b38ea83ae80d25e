package io.skerry.e2e.scene;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waits until something is so, within a bound. */
public final class Await {
  private static final long LOOK_EVERY_NANOS = 20_000_000;

  private Await() {}

  /** Something that may become so. */
  public interface Condition {
    /** Whether it is so now. */
    boolean isMet() throws Exception;
  }

  /** Waits; false when the time is over. */
  public static boolean within(Duration time, Condition condition) throws Exception {
    long end = System.nanoTime() + time.toNanos();
    while (!condition.isMet()) {
      if (System.nanoTime() > end) {
        return false;
      }
      LockSupport.parkNanos(LOOK_EVERY_NANOS);
    }
    return true;
  }

  /**
   * Waits.
   *
   * @throws AssertionError when the time is over; it says what was waited for and what is instead
   */
  public static void until(
      Duration time, String what, Condition condition, Supplier<String> instead) throws Exception {
    if (!within(time, condition)) {
      throw new AssertionError(
          "not within %d s: %s; instead: %s".formatted(time.toSeconds(), what, instead.get()));
    }
  }
}
