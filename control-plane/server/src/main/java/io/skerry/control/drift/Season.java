package io.skerry.control.drift;

import io.skerry.telemetry.drift.DriftSettings;
import java.util.List;
import java.util.stream.LongStream;

/**
 * With what the time since an incident's onset is compared. Pure.
 *
 * <p>Where windows divide a day as {@link DriftSettings#forWindows} has it, with the same hours of
 * the days before the onset; once a day has gone by, whole days with whole days. A night is no
 * measure for days, whatever happened. Windows of another length have the {@value #WINDOWS_BEFORE}
 * before the onset.
 *
 * @param windows of a day; 1 where none is known
 */
record Season(long windowMillis, int windows, long onset) {
  static final int WINDOWS_BEFORE = 16;

  /** Days before the onset of which outcomes are read: few of a few hours are rare ones. */
  static final int OUTCOME_DAYS = 7;

  static Season of(Track track, long onset) {
    int windows = DriftSettings.forWindows(track.windowMillis()).seasonWindows();
    return new Season(track.windowMillis(), windows, onset);
  }

  /** The same where no day is known. */
  Season withoutDays() {
    return new Season(windowMillis, 1, onset);
  }

  boolean isKnown() {
    return windows > 1;
  }

  /**
   * A part of each day in a span of time.
   *
   * @param everyMillis length of a day
   * @param partMillis from the span's begin, and a day after it, and so on
   */
  record Span(long fromMillis, long toMillis, long everyMillis, long partMillis) {
    /** All of it. */
    static Span whole(long fromMillis, long toMillis) {
      long length = Math.max(1, toMillis - fromMillis);
      return new Span(fromMillis, toMillis, length, length);
    }
  }

  /** Outcomes from before the onset, where those since it are known until a moment. */
  Span outcomesBefore(long untilMillis) {
    long to = onset * windowMillis;
    if (!isKnown()) {
      return Span.whole(to - WINDOWS_BEFORE * windowMillis, to);
    }
    return new Span(
        to - OUTCOME_DAYS * dayMillis(),
        to,
        dayMillis(),
        Math.clamp(untilMillis - to, 1, dayMillis()));
  }

  /** Outcomes since the onset until a moment: once a day has gone by, of whole days. */
  Span outcomesSince(long untilMillis) {
    long from = onset * windowMillis;
    long days = isKnown() ? (untilMillis - from) / dayMillis() : 0;
    return Span.whole(from, days > 0 ? from + days * dayMillis() : untilMillis);
  }

  private long dayMillis() {
    return windows * windowMillis;
  }

  /** The windows before the onset that any window since is compared with. */
  List<Long> always() {
    return isKnown() ? List.of() : LongStream.range(onset - WINDOWS_BEFORE, onset).boxed().toList();
  }

  /** Those that come in with a window since the onset: of its first day the same hours before. */
  List<Long> beside(long window) {
    return isKnown() && window >= onset && day(window) == 0
        ? LongStream.rangeClosed(1, days()).map(day -> window - day * windows).boxed().toList()
        : List.of();
  }

  private int days() {
    return Math.max(1, Math.ceilDiv(WINDOWS_BEFORE, windows));
  }

  /** Whether a window before the onset came in with one before another. */
  boolean isBesideOneBefore(long past, long window) {
    return isKnown()
        ? past >= onset - (long) days() * windows
            && Math.floorMod(past - onset, windows) < window - onset
        : past >= onset - WINDOWS_BEFORE;
  }

  /** How many whole days a window is after the onset; 0 where no day is known. */
  long day(long window) {
    return isKnown() ? Math.floorDiv(window - onset, (long) windows) : 0;
  }
}
