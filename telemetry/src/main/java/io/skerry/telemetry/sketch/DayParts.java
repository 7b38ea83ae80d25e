package io.skerry.telemetry.sketch;

/**
 * Keeps events and outcomes within their parts of the bytes a day that the windows of a device
 * have, as they are sent: an event is worth more than an outcome, and an outcome more than the
 * detail of a window.
 *
 * <pre>
 * events     at most a quarter of the day, and a sixteenth is kept free for them
 *   of these, what tells again what was told today    at most an eighth of the day
 * outcomes   at most a quarter of the day, unless they have bytes of their own
 * the line   what keeps it up ({@link LineUpkeep}), at most a third: that is never theirs
 * windows    the rest, which they make do with ({@link WindowBudget})
 * </pre>
 *
 * <p>Not thread-safe.
 */
public final class DayParts {
  private static final int EVENTS = 4;
  private static final int REPEATED = 8;
  private static final int KEPT_FREE = 16;
  private static final int OUTCOMES = 4;

  private final DayUse events;
  private final DayUse outcomes;
  private final DayUse ofDevice;

  /** What is to be sent. */
  public enum Kind {
    /** Tells what was not told today. */
    EVENT,
    /** Tells again what was. */
    REPEATED_EVENT,
    OUTCOME
  }

  /**
   * What a device may send in a day.
   *
   * @param windowBytes windows, events, and outcomes that have no bytes of their own; 0 = no limit
   * @param outcomeBytes outcomes; 0 = they share those of the windows
   */
  public record Limits(long windowBytes, long outcomeBytes) {
    /** Whatever comes. */
    public static final Limits NONE = new Limits(0, 0);

    /** Bytes that outcomes may have; 0 = no limit. */
    public long outcomes() {
      return outcomeBytes > 0 ? outcomeBytes : Math.ceilDiv(windowBytes, OUTCOMES);
    }

    /** Bytes that events may have; 0 = no limit. */
    public long events() {
      return Math.ceilDiv(windowBytes, EVENTS);
    }
  }

  /**
   * Makes them.
   *
   * @param events what these took of the day
   * @param outcomes what these did
   * @param ofDevice what all that shares the bytes of windows did
   */
  public DayParts(DayUse events, DayUse outcomes, DayUse ofDevice) {
    this.events = events;
    this.outcomes = outcomes;
    this.ofDevice = ofDevice;
  }

  /** Bytes of so many a day that are kept free for events, and for the line. */
  public long keptFree(long bytesPerDay) {
    long used = events.day() == ofDevice.day() ? events.bytes() : 0;
    return Math.max(0, ofDevice.counted(bytesPerDay / KEPT_FREE) - used)
        + keptFreeForLine(bytesPerDay);
  }

  // What had passed of a first day is taken off what is left already.
  private long keptFreeForLine(long bytesPerDay) {
    return ofDevice.counted(LineUpkeep.keptFree(bytesPerDay));
  }

  /**
   * Whether a record still fits today; then its bytes are used.
   *
   * @param bytes that it has itself
   */
  public boolean take(Kind kind, long atMillis, int bytes, Limits limits) {
    events.at(atMillis);
    outcomes.at(atMillis);
    ofDevice.at(atMillis);
    long each = (long) bytes + WindowBudget.OVERHEAD_BYTES;
    long perDay = ofDevice.largest(limits.windowBytes());
    return kind == Kind.OUTCOME
        ? takeOutcome(each, perDay, limits)
        : takeEvent(each, perDay, kind == Kind.EVENT ? EVENTS : REPEATED);
  }

  private boolean takeOutcome(long each, long perDay, Limits limits) {
    if (limits.outcomeBytes() > 0) {
      if (outcomes.bytes() + each > limits.outcomeBytes()) {
        return false;
      }
      outcomes.add(each, limits.outcomeBytes());
      return true;
    }
    if (perDay > 0
        && (outcomes.bytes() + each > perDay / OUTCOMES
            || each + keptFree(perDay) > left(perDay))) {
      return false;
    }
    outcomes.add(each, perDay);
    ofDevice.add(each, perDay);
    return true;
  }

  private boolean takeEvent(long each, long perDay, int part) {
    if (perDay > 0
        && (events.bytes() + each > perDay / part
            || each + keptFreeForLine(perDay) > left(perDay))) {
      return false;
    }
    events.add(each, perDay);
    ofDevice.add(each, perDay);
    return true;
  }

  private long left(long perDay) {
    return perDay - ofDevice.bytes(perDay);
  }
}
