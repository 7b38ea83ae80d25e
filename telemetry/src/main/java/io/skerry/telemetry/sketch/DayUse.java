package io.skerry.telemetry.sketch;

/**
 * Bytes that were sent in a UTC day by whoever counts on them together: the versions of a model, or
 * all models of a device. How many there may be, each knows by itself. Not thread-safe.
 */
public final class DayUse {
  static final long DAY_MILLIS = 86_400_000;

  private long day = Long.MIN_VALUE;
  // Of the first day, the share that had passed before anybody counted.
  private double unknown;
  private long bytes;

  /** Goes on with a day of which some bytes were used before, as by a process that ended. */
  public void resume(long ofDay, long usedBytes) {
    day = ofDay;
    bytes = usedBytes;
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
      unknown = 0;
      day = today;
    }
  }

  /** The day, since 1970, that was last begun. */
  public long day() {
    return day;
  }

  /** Bytes of it that were sent. */
  public long bytes() {
    return bytes;
  }

  /** The same with what may have been sent before anybody counted, of so many bytes a day. */
  public long bytes(long bytesPerDay) {
    return bytes + bytesPerDay - (long) (bytesPerDay * (1 - unknown));
  }

  /** More were sent. */
  public void add(long sent) {
    bytes += sent;
  }
}
