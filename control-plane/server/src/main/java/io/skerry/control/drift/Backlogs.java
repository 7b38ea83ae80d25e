package io.skerry.control.drift;

import io.skerry.control.sql.Transaction;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Tracks whose devices come back after nobody heard them for hours: each sends the windows of those
 * hours, one device after the other. Judged from the first that come, nearly all of it would be
 * late, and of what is late only the newest windows are judged.
 */
final class Backlogs {
  /** With fewer windows to judge, what comes late takes part with the next one. */
  static final int WINDOWS_MIN = 4;

  private static final Duration PATIENCE_MAX = Duration.ofMinutes(10);
  private static final int PATIENCE_WINDOWS = 4;
  private static final Duration QUIET_MAX = Duration.ofSeconds(30);

  private final LongSupplier nanoTime;
  private final Map<Track, Long> since = new HashMap<>();

  Backlogs(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Of tracks whose windows are due, in their order, those that more of comes. */
  Set<Track> of(Transaction transaction, List<DriftStore.Due> due) {
    Map<Track, Integer> windows = new HashMap<>();
    Map<Track, Long> newest = new HashMap<>();
    for (DriftStore.Due one : due) {
      windows.merge(one.track(), 1, Integer::sum);
      newest.put(one.track(), one.window());
    }
    Set<Track> coming = new HashSet<>();
    newest.forEach(
        (track, window) -> {
          if (windows.getOrDefault(track, 0) >= WINDOWS_MIN && comes(transaction, track, window)) {
            coming.add(track);
          }
        });
    since.keySet().retainAll(coming);
    long now = nanoTime.getAsLong();
    coming.removeIf(
        track -> now - since.computeIfAbsent(track, key -> now) >= patience(track).toNanos());
    return coming;
  }

  // Devices that are away for reasons of their own come back all the time.
  private static Duration patience(Track track) {
    return shorter(PATIENCE_MAX, PATIENCE_WINDOWS * track.windowMillis());
  }

  private static Duration shorter(Duration most, long millis) {
    return Duration.ofMillis(Math.min(most.toMillis(), millis));
  }

  // Those of the newest window have only just had to come.
  private static boolean comes(Transaction transaction, Track track, long newest) {
    return transaction
        .first(
            """
            select 1 from telemetry_window
            where received_at > clock_timestamp() - ? * interval '1 millisecond'
              and model = ? and slot = ? and window_millis = ? and window_index < ?
              and window_index > (
                select judged_through from drift_track
                where slot = ? and model = ? and window_millis = ?
                union all select 0 order by 1 desc limit 1)
            limit 1
            """,
            row -> true,
            shorter(QUIET_MAX, track.windowMillis() / 4).toMillis(),
            track.model(),
            track.slot(),
            track.windowMillis(),
            newest,
            track.slot(),
            track.model(),
            track.windowMillis())
        .isPresent();
  }
}
