package io.skerry.telemetry.sample;

/**
 * Keeps samples within their bytes a day by lowering the inclusion probability step by step, before
 * a prediction is chosen and whatever it is: the probability that is recorded stays the true one.
 *
 * <p>After half of the day's bytes only every second of the chosen is taken, after three quarters
 * every fourth, and so on; when they are used up, none until the next day. Not thread-safe.
 */
public final class SampleBudget {
  private static final long DAY_MILLIS = 86_400_000;
  private static final int HALVINGS_MAX = 10;

  private final long bytesPerDay;
  private long day = Long.MIN_VALUE;
  private long used;

  /**
   * Makes a budget.
   *
   * @param bytesPerDay 0 = no limit
   */
  public SampleBudget(long bytesPerDay) {
    this.bytesPerDay = bytesPerDay;
  }

  /** Goes on with a day of which some bytes were used before, as by a process that ended. */
  public void resume(long ofDay, long usedBytes) {
    day = ofDay;
    used = usedBytes;
  }

  /** Bytes that may be used in a day; 0 = no limit. */
  public long bytesPerDay() {
    return bytesPerDay;
  }

  /** The day, since 1970, that was last asked for. */
  public long day() {
    return day;
  }

  /** Bytes of that day that are used up. */
  public long used() {
    return used;
  }

  /** What the inclusion probability is multiplied by at this time, 0 to 1. */
  public double factor(long nowMillis) {
    if (bytesPerDay <= 0) {
      return 1;
    }
    long today = Math.floorDiv(nowMillis, DAY_MILLIS);
    // A clock that is put back a day and forward again brings no second budget; a day that lies
    // further ahead was a wrong clock's, and nobody waits for it.
    if (today > day || today < day - 1) {
      used = 0;
      day = today;
    }
    double left = 1 - (double) used / bytesPerDay;
    if (left <= 0x1p-10) {
      return 0;
    }
    return Math.scalb(
        1.0, -Math.min(HALVINGS_MAX, (int) Math.floor(-Math.log(left) / Math.log(2))));
  }

  /** Whether so many more bytes fit today; then they are used. */
  public boolean take(long bytes) {
    if (bytesPerDay > 0 && bytes > bytesPerDay - used) {
      return false;
    }
    used += bytes;
    return true;
  }
}
