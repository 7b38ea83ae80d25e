package io.skerry.control.drift;

import io.skerry.control.drift.DriftStore.Release;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.DriftSettings;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** A track's ledger in memory, and what it has judged so far. */
final class Replayed {
  final DriftLedger ledger;
  final List<Snapshots.Told> told = new ArrayList<>();
  final Set<Long> released = new HashSet<>();
  Instant gone = Instant.now();
  long through = -1;
  int sinceSnapshot;
  long usedNanos;
  boolean whole = true;

  Replayed(Track track) {
    ledger = new DriftLedger(DriftSettings.forWindows(track.windowMillis()));
  }

  void release(Release one) {
    ledger.release(one.cohort(), one.relearn());
    released.add(one.incident());
  }

  /**
   * Tells the ledger what ended since its last window; false when something ended before, or did
   * not end after all, of which it knows otherwise.
   */
  boolean takesOver(List<Release> releases) {
    Set<Long> ended = releases.stream().map(Release::incident).collect(Collectors.toSet());
    List<Release> news =
        releases.stream()
            .filter(one -> one.after() <= through)
            .filter(one -> !released.contains(one.incident()))
            .toList();
    if (!ended.containsAll(released) || news.stream().anyMatch(one -> one.after() < through)) {
      return false;
    }
    news.forEach(this::release);
    return true;
  }
}
