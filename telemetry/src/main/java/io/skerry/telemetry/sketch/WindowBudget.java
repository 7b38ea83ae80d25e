package io.skerry.telemetry.sketch;

import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * Keeps what a device sends about windows within its bytes a day, in {@link Degradation#ORDER}.
 *
 * <p>At the end of every window it takes the first degradation that would last for the rest of the
 * UTC day, and says whether what is counted is sent now or counted on. What does not fit any more
 * is never sent in part: it is counted on until the next day. Not thread-safe.
 */
public final class WindowBudget {
  /**
   * What travels with a record besides its own bytes: batch, topic, MQTT and TLS frames of the
   * message, its acknowledgement and the committed range that comes back.
   */
  public static final int OVERHEAD_BYTES = 260;

  private static final long DAY_MILLIS = 86_400_000;

  private final long bytesPerDay;
  private long day = Long.MIN_VALUE;
  private long left;

  /**
   * Makes a budget.
   *
   * @param bytesPerDay 0 = no limit
   */
  public WindowBudget(long bytesPerDay) {
    this.bytesPerDay = bytesPerDay;
  }

  /** Goes on with a day of which some bytes were sent before, as by a process that ended. */
  public void resume(long ofDay, long sentBytes) {
    day = ofDay;
    left = bytesPerDay - sentBytes;
  }

  /** Bytes that may be sent in a day; 0 = no limit. */
  public long bytesPerDay() {
    return bytesPerDay;
  }

  /** The day, since 1970, that bytes were last sent or asked for. */
  public long day() {
    return day;
  }

  /** Bytes of that day that are used up. */
  public long used() {
    return bytesPerDay - left;
  }

  /**
   * What to do at the end of a window.
   *
   * @param endMillis of the window
   * @param windowMillis its length
   * @param pending windows that are counted together by now
   * @param bytes the size of the record that a degradation would leave
   * @return empty: count on
   */
  public Optional<Degradation> atWindowEnd(
      long endMillis, long windowMillis, int pending, ToIntFunction<Degradation> bytes) {
    if (bytesPerDay <= 0) {
      return Optional.of(Degradation.NONE);
    }
    newDay(endMillis - 1);
    long untilMidnight = (day + 1) * DAY_MILLIS - endMillis;
    for (Degradation degradation : Degradation.ORDER) {
      long each = (long) bytes.applyAsInt(degradation) + OVERHEAD_BYTES;
      // This window's own, and those of the windows that are still to end today.
      long times = 1 + untilMidnight / (windowMillis * degradation.windows());
      if (each * times <= left) {
        boolean due =
            pending >= degradation.windows()
                || Math.floorDiv(endMillis, windowMillis) % degradation.windows() == 0;
        return due ? Optional.of(degradation) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  /** The first degradation that still fits today: for a window that cannot be counted on. */
  public Optional<Degradation> atOnce(long nowMillis, ToIntFunction<Degradation> bytes) {
    if (bytesPerDay <= 0) {
      return Optional.of(Degradation.NONE);
    }
    newDay(nowMillis);
    return Degradation.ORDER.stream()
        .filter(degradation -> bytes.applyAsInt(degradation) + OVERHEAD_BYTES <= left)
        .findFirst();
  }

  // A start in the middle of a day does not know what was sent before it.
  private void newDay(long nowMillis) {
    long today = Math.floorDiv(nowMillis, DAY_MILLIS);
    if (day == Long.MIN_VALUE) {
      long rest = (today + 1) * DAY_MILLIS - nowMillis;
      left = (long) ((double) bytesPerDay * rest / DAY_MILLIS);
      day = today;
    } else if (today > day || today < day - 1) {
      // A clock that is put back a day and forward again brings no second budget; a day that lies
      // further ahead was a wrong clock's, and nobody waits for it.
      left = bytesPerDay;
      day = today;
    }
  }

  /** Whether a record of so many bytes still fits today. */
  public boolean fits(int bytes) {
    return bytesPerDay <= 0 || bytes + OVERHEAD_BYTES <= left;
  }

  /** A record was sent. */
  public void sent(int bytes) {
    left -= bytes + OVERHEAD_BYTES;
  }
}
