package io.skerry.telemetry.sketch;

/**
 * Bytes that were sent in a UTC day by whoever counts on them together: the versions of a model, or
 * all models of a device. How many there may be, each knows by itself. Not thread-safe.
 */
public final class DayUse {
  /** Milliseconds of a day. */
  public static final long DAY_MILLIS = 86_400_000;

  private long day = Long.MIN_VALUE;
  // Of the first day, the share that had passed before anybody counted.
  private double unknown;
  private long bytes;
  private long largest;

  /**
   * Goes on with a day of which some bytes were used before, as by a process that ended.
   *
   * @param largestPerDay the largest limit under which they were sent; 0 = not known
   */
  public void resume(long ofDay, long usedBytes, long largestPerDay) {
    day = ofDay;
    bytes = usedBytes;
    largest = largestPerDay;
    unknown = 0;
  }

  /** Begins the day that this moment is in, unless it has begun. */
  public void at(long nowMillis) {
    long today = Math.floorDiv(nowMillis, DAY_MILLIS);
    if (day == Long.MIN_VALUE) {
      unknown = 1 - (double) ((today + 1) * DAY_MILLIS - nowMillis) / DAY_MILLIS;
      day = today;
    } else if (today > day || today < day - 1) {
      // A clock that is put back a day and forward again brings no second budget; a day that lies
      // further ahead was a wrong clock's, and nobody waits for it.
      bytes = 0;
      largest = 0;
      unknown = 0;
      day = today;
    }
  }

  /** The day, since 1970, that was last begun. */
  public long day() {
    return day;
  }

  /** Bytes of it that were sent under a limit. */
  public long bytes() {
    return bytes;
  }

  /** The same with what may have been sent before anybody counted, of so many bytes a day. */
  public long bytes(long bytesPerDay) {
    return bytes + bytesPerDay - counted(bytesPerDay);
  }

  /** Of so many bytes a day, those of the part of this day that somebody counts. */
  long counted(long bytesPerDay) {
    return (long) (bytesPerDay * (1 - unknown));
  }

  /**
   * The largest limit under which bytes of the day were sent, this one included: what was sent
   * while more was allowed is not held against who goes on with less.
   *
   * @param bytesPerDay that holds now; 0 = no limit
   * @return 0 = no limit
   */
  public long largest(long bytesPerDay) {
    return bytesPerDay <= 0 ? 0 : Math.max(largest, bytesPerDay);
  }

  /**
   * More were sent.
   *
   * @param bytesPerDay the limit that they were sent under; 0 = no limit, then they do not count
   */
  public void add(long sent, long bytesPerDay) {
    if (bytesPerDay > 0) {
      bytes += sent;
      largest = largest(bytesPerDay);
    }
  }
}
