package io.skerry.control.ingest;

import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What windows are judged in: a ledger each. Devices say which slot and length theirs have, so
 * there are no more for a model than {@value #FREE_MAX} and those that somebody ordered.
 */
final class Tracks {
  /**
   * Tracks of a model that nobody need have ordered: devices may tell late what was ordered once.
   */
  static final int FREE_MAX = 16;

  private final Transaction transaction;
  private final IngestConfig config;
  private final Map<String, Set<Track>> known = new HashMap<>();
  private final Map<String, Set<Track>> ordered = new HashMap<>();

  /** One model in one slot, judged in windows of one length. */
  record Track(String slot, String model, long windowMillis) {
    @Nullable Object[] row() {
      return new @Nullable Object[] {slot, model, windowMillis};
    }
  }

  Tracks(Transaction transaction, IngestConfig config) {
    this.transaction = transaction;
    this.config = config;
  }

  /**
   * Takes a track that there is, or that there is room for.
   *
   * @throws RecordReader.Malformed if there is none
   */
  void admit(Track track) throws RecordReader.Malformed {
    Set<Track> ofModel = known.computeIfAbsent(track.model(), this::known);
    if (ofModel.contains(track)) {
      return;
    }
    if (ofModel.size() >= FREE_MAX
        && !ordered.computeIfAbsent(track.model(), this::ordered).contains(track)) {
      throw new RecordReader.Malformed(
          "windows of %d ms of %s in slot '%s' are judged nowhere and ordered nowhere, and it is judged in %d others already: no rollout gave it such windows"
              .formatted(track.windowMillis(), track.model(), track.slot(), ofModel.size()));
    }
    ofModel.add(track);
  }

  /**
   * Makes tracks that there are not, and keeps all of them from being forgotten until the
   * transaction ends, when its windows are seen.
   */
  static void hold(Transaction transaction, Collection<Track> tracks) {
    // In one order, so that nobody waits for who waits for him.
    List<Track> missing =
        tracks.stream()
            .sorted(
                Comparator.comparing(Track::model)
                    .thenComparing(Track::slot)
                    .thenComparing(Track::windowMillis))
            .filter(track -> !isHeld(transaction, track))
            .toList();
    transaction.batch(
        """
        insert into telemetry_track (slot, model, window_millis) values (?, ?, ?)
        on conflict do nothing
        """,
        missing.stream().map(Track::row).toList());
  }

  private static boolean isHeld(Transaction transaction, Track track) {
    return transaction
        .first(
            """
            select window_millis from telemetry_track
            where slot = ? and model = ? and window_millis = ? for key share
            """,
            row -> row.bigint("window_millis"),
            track.slot(),
            track.model(),
            track.windowMillis())
        .isPresent();
  }

  private Set<Track> known(String model) {
    return new HashSet<>(
        transaction.list(
            "select slot, window_millis from telemetry_track where model = ?",
            row -> track(row, model, row.bigint("window_millis")),
            model));
  }

  private Set<Track> ordered(String model) {
    return new HashSet<>(
        transaction.list(
            "select distinct slot, window_millis from desired_slot where model = ?",
            row -> track(row, model, config.judgedMillis(row.bigint("window_millis"))),
            model));
  }

  private static Track track(Row row, String model, long windowMillis) {
    return new Track(row.text("slot"), model, windowMillis);
  }
}
