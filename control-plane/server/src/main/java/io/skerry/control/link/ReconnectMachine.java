package io.skerry.control.link;

import java.time.Duration;

/**
 * How long to wait before the next connect: anything up to a bound that doubles with each failure.
 * A connection that ended within a minute counts as a failure too, because a broker that throws its
 * clients out right after it took them would otherwise be asked without a pause.
 *
 * <p>Pure: times are nanoseconds of any one clock, chance is given as a share of the bound.
 */
record ReconnectMachine(int failures, boolean connected, long connectedAtNanos) {
  static final ReconnectMachine START = new ReconnectMachine(0, false, 0);
  static final Duration FIRST = Duration.ofMillis(200);
  static final Duration LONGEST = Duration.ofSeconds(60);
  static final Duration STABLE = Duration.ofMinutes(1);

  private static final int DOUBLINGS_MAX = 20;

  ReconnectMachine connected(long nowNanos) {
    return new ReconnectMachine(failures, true, nowNanos);
  }

  /** After a connect that failed or a connection that ended. */
  ReconnectMachine lost(long nowNanos) {
    boolean stable = connected && nowNanos - connectedAtNanos >= STABLE.toNanos();
    return new ReconnectMachine(stable ? 1 : Math.min(failures + 1, DOUBLINGS_MAX), false, 0);
  }

  /**
   * How long to wait now.
   *
   * @param longest no bound is above it
   * @param chance 0 to 1, drawn evenly
   */
  Duration pause(Duration longest, double chance) {
    long bound =
        Math.min(longest.toNanos(), FIRST.toNanos() << Math.max(0, Math.min(failures - 1, 20)));
    return Duration.ofNanos((long) (bound * chance));
  }
}
