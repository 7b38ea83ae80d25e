package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The tables of tracks and judged windows. */
final class DriftStore {
  static final int JUDGED_AT_ONCE_MAX = 50;
  private static final int REPLAYED_MAX = 5000;

  /** Tracks that are told of at once. */
  static final int TRACKS_AT_ONCE_MAX = 100;

  private static final int LEFT_AFTER = 3;

  /** Windows of devices that are judged again: whoever asks why waits meanwhile. */
  static final int AGAIN_WINDOWS_MAX = 50_000;

  // Minutes that a quarter has: beyond that, records count.
  private static final int RECORDS_OF_WINDOW_MAX = 15;
  private static final int FORGOTTEN_AT_ONCE = 1000;

  private static final String WITHOUT_WINDOWS =
      """
      not exists (select from telemetry_window w
        where w.model = t.model and w.slot = t.slot and w.window_millis = t.window_millis)
      """;

  private static final Gson GSON = new Gson();

  private DriftStore() {}

  /**
   * A window that was judged.
   *
   * @param before until when what the window before was judged from was received
   * @param records it was judged from
   * @param late records of earlier windows that it was judged with; empty when these took no part
   * @param outcomes it was judged from; empty when it was not counted
   */
  record Judged(
      long window,
      Instant receivedUntil,
      Optional<Instant> before,
      int records,
      Optional<Long> late,
      Optional<Long> outcomes) {
    // An outcome may be committed after its window was judged: one more is no sign of loss.
    boolean isWhole(WindowReader.Window again, WindowReader.Late lateAgain) {
      return again.records() == records
          && late.orElse(0L) == lateAgain.records()
          && (outcomes.isEmpty() || again.outcomes() >= outcomes.get());
    }
  }

  record Due(Track track, long window) {}

  /** An incident that ended after a window. */
  record Release(long incident, long after, Cohort cohort, boolean relearn) {}

  /** Windows whose records had time to arrive, of every track in their order. */
  static List<Due> due(Transaction transaction, Instant now, long graceMillis, long waitMillis) {
    List<Due> due = new ArrayList<>();
    transaction.forEach(
        """
        select t.slot, t.model, t.window_millis, d.window_index from telemetry_track t
        left join drift_track j using (slot, model, window_millis)
        cross join lateral (
          select distinct w.window_index from telemetry_window w
          where w.model = t.model and w.slot = t.slot and w.window_millis = t.window_millis
            and w.window_index > coalesce(j.judged_through, 0)
            and w.window_index <
              floor((? - ? - greatest(?, t.window_millis / 4)) / t.window_millis::numeric)::bigint
          order by w.window_index limit ?) d
        order by d.window_index, t.slot, t.model, t.window_millis
        """,
        row -> due.add(new Due(track(row), row.bigint("window_index"))),
        now.toEpochMilli(),
        graceMillis,
        waitMillis,
        JUDGED_AT_ONCE_MAX);
    return due;
  }

  /** Locks the track until the transaction ends and tells its last judged window. */
  static long lock(Transaction transaction, Track track) {
    transaction.update(
        """
        insert into drift_track (slot, model, window_millis, judged_through) values (?, ?, ?, -1)
        on conflict do nothing
        """,
        track.slot(),
        track.model(),
        track.windowMillis());
    return transaction
        .first(
            """
            select judged_through from drift_track
            where slot = ? and model = ? and window_millis = ? for update
            """,
            row -> row.bigint("judged_through"),
            track.slot(),
            track.model(),
            track.windowMillis())
        .orElse(-1L);
  }

  static List<Judged> judgedAfter(Transaction transaction, Track track, long window) {
    return transaction.list(
        """
        select newest.*, (select p.received_until from drift_window p
            where p.slot = newest.slot and p.model = newest.model
              and p.window_millis = newest.window_millis and p.window_index < newest.window_index
            order by p.window_index desc limit 1) as before
        from (select slot, model, window_millis, window_index, received_until, records, late,
            outcomes
          from drift_window
          where slot = ? and model = ? and window_millis = ? and window_index > ?
          order by window_index desc limit ?) newest
        order by window_index
        """,
        row ->
            new Judged(
                row.bigint("window_index"),
                row.instant("received_until"),
                row.optionalInstant("before"),
                row.integer("records"),
                row.optionalBigint("late"),
                row.optionalBigint("outcomes")),
        track.slot(),
        track.model(),
        track.windowMillis(),
        window,
        REPLAYED_MAX);
  }

  /** What time it is for whoever says when a record was received. */
  static Instant now(Transaction transaction) {
    return transaction
        .first("select clock_timestamp() as now", row -> row.instant("now"))
        .orElseThrow();
  }

  /** Until when what a window was judged from was received; empty when it was not judged. */
  static Optional<Instant> receivedUntil(Transaction transaction, Track track, long window) {
    return transaction.first(
        """
        select received_until from drift_window
        where slot = ? and model = ? and window_millis = ? and window_index = ?
        """,
        row -> row.instant("received_until"),
        track.slot(),
        track.model(),
        track.windowMillis(),
        window);
  }

  /** Whether records of a window were received after a moment. */
  static boolean isReceivedAfter(
      Transaction transaction, Track track, long window, Instant receivedUntil) {
    return transaction
        .first(
            """
            select 1 from telemetry_window
            where slot = ? and model = ? and window_millis = ? and window_index = ?
              and received_at > ? limit 1
            """,
            row -> true,
            track.slot(),
            track.model(),
            track.windowMillis(),
            window,
            receivedUntil)
        .isPresent();
  }

  /** Whether an incident of a cohort was open, or opened, or ended when a window was judged. */
  static boolean isTold(Transaction transaction, Track track, Cohort cohort, long window) {
    return transaction.number(
            """
            select count(*) from incident
            where slot = ? and model = ? and window_millis = ? and cohort = ?
              and opened_window <= ? and (resolved_after is null or resolved_after >= ?)
            """,
            track.slot(),
            track.model(),
            track.windowMillis(),
            cohort.toString(),
            window,
            window)
        > 0;
  }

  static List<Release> releases(Transaction transaction, Track track) {
    return transaction.list(
        """
        select number, resolved_after, cohort, relearn from incident
        where slot = ? and model = ? and window_millis = ? and resolved_after is not null
        order by number
        """,
        row ->
            new Release(
                row.bigint("number"),
                row.bigint("resolved_after"),
                Cohort.parse(row.text("cohort")),
                row.flag("relearn")),
        track.slot(),
        track.model(),
        track.windowMillis());
  }

  static void judged(
      Transaction transaction,
      Track track,
      WindowVerdict verdict,
      Instant receivedUntil,
      WindowReader.Window read,
      WindowReader.Late late) {
    transaction.update(
        """
        insert into drift_window (slot, model, window_millis, window_index, received_until, records,
          late, outcomes, learning, judged, verdicts, distances)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?::jsonb)
        """,
        track.slot(),
        track.model(),
        track.windowMillis(),
        verdict.window(),
        receivedUntil,
        read.records(),
        late.records(),
        read.outcomes(),
        verdict.learning(),
        verdict.judged(),
        GSON.toJson(verdict.streams()),
        StoredDistances.json(verdict.distances()));
    transaction.update(
        """
        update drift_track set judged_through = ?
        where slot = ? and model = ? and window_millis = ?
        """,
        verdict.window(),
        track.slot(),
        track.model(),
        track.windowMillis());
  }

  record Latest(Track track, long window, int learning, int judged, List<StreamVerdict> verdicts) {}

  // Indexes of windows of different lengths say nothing about which came later: their ends do.
  private static final String LATEST =
      """
      select w.* from drift_track t join drift_window w using (slot, model, window_millis)
      where w.window_index = t.judged_through
      """;

  // Without those that nothing more comes of, while the same is counted in other windows.
  private static final String LIVE =
      LATEST
          + """
          and not exists (
            select from drift_track o where o.slot = t.slot and o.model = t.model
              and (o.judged_through + 1) * o.window_millis
                  - (t.judged_through + 1) * t.window_millis
                > %d * greatest(o.window_millis, t.window_millis))
          """
              .formatted(LEFT_AFTER);

  private static final String NEWEST_FIRST =
      " order by (w.window_index + 1) * w.window_millis desc, slot, model, window_millis ";

  /**
   * Which windows were judged last of tracks, those first whose last window ended last. A track is
   * left out that nothing more comes of, while the same is counted in other windows.
   */
  static List<Newest> live(Transaction transaction, int after) {
    return transaction.list(
        "select slot, model, window_millis, window_index from ("
            + LIVE
            + ") w"
            + NEWEST_FIRST
            + "offset ? limit ?",
        DriftStore::newest,
        (long) after,
        TRACKS_AT_ONCE_MAX);
  }

  /** How many there are of those. */
  static long live(Transaction transaction) {
    return transaction.number("select count(*) from (%s) live".formatted(LIVE));
  }

  /**
   * What was judged last of a model in a slot.
   *
   * @param windowMillis of its windows; 0 = in those of the length that was judged latest
   */
  static Optional<Latest> latest(
      Transaction transaction, String slot, String model, long windowMillis) {
    return transaction.first(
        LATEST
            + "and slot = ? and model = ? and (? = 0 or window_millis = ?)"
            + NEWEST_FIRST
            + "limit 1",
        DriftStore::latest,
        slot,
        model,
        windowMillis,
        windowMillis);
  }

  /** Which window of a track was judged last. */
  record Newest(Track track, long window) {}

  /** The same as {@link #latest(Transaction, String, String, long)} without the verdicts. */
  static Optional<Newest> newest(
      Transaction transaction, String slot, String model, long windowMillis) {
    return transaction.first(
        "select slot, model, window_millis, window_index from ("
            + LATEST
            + "and slot = ? and model = ? and (? = 0 or window_millis = ?)) w"
            + NEWEST_FIRST
            + "limit 1",
        DriftStore::newest,
        slot,
        model,
        windowMillis,
        windowMillis);
  }

  /**
   * What was judged last of a model in each slot, in windows of the length that was judged latest.
   */
  static List<Latest> latest(Transaction transaction, String model) {
    return transaction.list(
        "select distinct on (slot) w.* from (%s and model = ?) w order by slot, %s limit ?"
            .formatted(LATEST, "(window_index + 1) * window_millis desc, window_millis"),
        DriftStore::latest,
        model,
        TRACKS_AT_ONCE_MAX);
  }

  private static Newest newest(Row row) {
    return new Newest(track(row), row.bigint("window_index"));
  }

  private static Latest latest(Row row) {
    return new Latest(
        track(row),
        row.bigint("window_index"),
        row.integer("learning"),
        row.integer("judged"),
        GSON.fromJson(row.text("verdicts"), new TypeToken<List<StreamVerdict>>() {}));
  }

  /** Whether every judged window of a track after one is known. */
  static boolean isWhole(Transaction transaction, Track track, long after) {
    return transaction.number(
            """
            select max(forgotten_through) from drift_track
            where slot = ? and model = ? and window_millis = ?
            """,
            track.slot(),
            track.model(),
            track.windowMillis())
        <= after;
  }

  /**
   * How many windows of devices a track was judged from after one of its windows and up to another:
   * records, by how many of them a device tells the last one in.
   */
  static long deviceWindows(Transaction transaction, Track track, long after, long upTo) {
    return transaction.number(
        """
        select coalesce(sum(records), 0)::bigint / (
            select greatest(1, least(?, count(*) / greatest(1, count(distinct device))))
            from telemetry_window
            where slot = ? and model = ? and window_millis = ? and window_index = ?)
        from drift_window
        where slot = ? and model = ? and window_millis = ? and window_index > ?
          and window_index <= ?
        """,
        RECORDS_OF_WINDOW_MAX,
        track.slot(),
        track.model(),
        track.windowMillis(),
        upTo,
        track.slot(),
        track.model(),
        track.windowMillis(),
        after,
        upTo);
  }

  /**
   * Forgets windows that were judged before a moment, a portion of them; tells how many.
   *
   * @param model whose; empty for all
   * @param but models whose windows are left out
   */
  static int forget(Transaction transaction, Instant before, String model, Set<String> but) {
    return (int)
        transaction.number(
            """
            with old as (
              delete from drift_window where ctid = any(array(
                select ctid from drift_window where received_until < ?
                  and (? = '' or model = ?) and model <> all(?) limit ?))
              returning slot, model, window_millis, window_index),
            told as (
              update drift_track t
              set forgotten_through = greatest(t.forgotten_through, last.window_index)
              from (select slot, model, window_millis, max(window_index) as window_index
                from old group by slot, model, window_millis) last
              where t.slot = last.slot and t.model = last.model
                and t.window_millis = last.window_millis)
            select count(*) from old
            """,
            before,
            model,
            model,
            but,
            FORGOTTEN_AT_ONCE);
  }

  /** Forgets what devices were like in windows and outcomes that are no longer kept. */
  static long forgetAttributes(Transaction transaction, Instant before) {
    return transaction.update(
        """
        delete from device_attributes old
        where exists (select 1 from device_attributes newer
            where newer.device = old.device and newer.since > old.since and newer.since < ?)
          or (not exists (select 1 from device where id = old.device)
            and not exists (select 1 from telemetry_window w where w.device = old.device)
            and not exists (select 1 from telemetry_feedback f where f.device = old.device))
        """,
        before);
  }

  /** Forgets that there were tracks of which no window is kept: what comes of one makes it anew. */
  static void forgetTracks(Transaction transaction) {
    // Who stores a window holds its track until that is seen. So tracks are taken first, but for
    // those that are held, and only then looked at: another statement sees what came until then.
    List<Track> empty =
        transaction.list(
            "select slot, model, window_millis from telemetry_track t where %s limit ? for update skip locked"
                .formatted(WITHOUT_WINDOWS),
            DriftStore::track,
            FORGOTTEN_AT_ONCE);
    for (Track track : empty) {
      transaction.update(
          "delete from telemetry_track t where slot = ? and model = ? and window_millis = ? and %s"
              .formatted(WITHOUT_WINDOWS),
          track.slot(),
          track.model(),
          track.windowMillis());
    }
  }

  static Track track(Row row) {
    return new Track(row.text("slot"), row.text("model"), row.bigint("window_millis"));
  }
}
