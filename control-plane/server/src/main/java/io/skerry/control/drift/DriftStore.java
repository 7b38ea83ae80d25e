package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentState;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceShare;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.LateWindow;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The tables of tracks, judged windows and incidents. */
final class DriftStore {
  static final int JUDGED_AT_ONCE_MAX = 50;
  private static final int REPLAYED_MAX = 5000;

  // Whoever asks why waits while they are judged again.
  private static final int AGAIN_RECORDS_MAX = 50_000;
  private static final int FORGOTTEN_AT_ONCE = 1000;
  private static final int OUTCOMES_MAX = 200_000;
  private static final int OPEN_MAX = 1000;
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

  record Stored(
      long number,
      Track track,
      long version,
      Incident incident,
      Instant openedAt,
      @Nullable Instant resolvedAt,
      Optional<String> told,
      long scoredThrough) {
    String id() {
      return "incident-" + number;
    }

    /** The same, as if it were about another version. */
    Stored ofVersion(long other) {
      return new Stored(number, track, other, incident, openedAt, resolvedAt, told, scoredThrough);
    }

    /** What it has paged for last. */
    Optional<Incident.Page> paged() {
      return told.map(Incident.Page::valueOf).or(incident::page);
    }
  }

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

  static List<Latest> latest(Transaction transaction) {
    return transaction.list(
        """
        select w.* from drift_track t join drift_window w using (slot, model, window_millis)
        where w.window_index = t.judged_through order by slot, model, window_millis limit 100
        """,
        row ->
            new Latest(
                track(row),
                row.bigint("window_index"),
                row.integer("learning"),
                row.integer("judged"),
                GSON.fromJson(row.text("verdicts"), new TypeToken<List<StreamVerdict>>() {})));
  }

  /** The judged windows of a track up to one, oldest first. */
  static List<Latest> verdicts(
      Transaction transaction, String slot, String model, long until, int limit) {
    return transaction.list(
        """
        select * from (select * from drift_window
          where slot = ? and model = ? and window_index <= ?
          order by window_index desc limit ?) newest
        order by window_index
        """,
        row ->
            new Latest(
                track(row),
                row.bigint("window_index"),
                row.integer("learning"),
                row.integer("judged"),
                GSON.fromJson(row.text("verdicts"), new TypeToken<List<StreamVerdict>>() {})),
        slot,
        model,
        until,
        limit);
  }

  /**
   * Whether every window of a track after one and up to another is known, and soon judged again.
   */
  static boolean isWhole(Transaction transaction, Track track, long after, long upTo) {
    return transaction.number(
                """
                select max(forgotten_through) from drift_track
                where slot = ? and model = ? and window_millis = ?
                """,
                track.slot(),
                track.model(),
                track.windowMillis())
            <= after
        && transaction.number(
                """
                select coalesce(sum(records), 0) from (select records from drift_window
                  where slot = ? and model = ? and window_millis = ? and window_index > ?
                    and window_index <= ?) judged
                """,
                track.slot(),
                track.model(),
                track.windowMillis(),
                after,
                upTo)
            <= AGAIN_RECORDS_MAX;
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

  /** Forgets what devices were like in windows that are no longer kept. */
  static long forgetAttributes(Transaction transaction, Instant before) {
    return transaction.update(
        """
        delete from device_attributes old
        where exists (select 1 from device_attributes newer
            where newer.device = old.device and newer.since > old.since and newer.since < ?)
          or (not exists (select 1 from device where id = old.device)
            and not exists (select 1 from telemetry_window w where w.device = old.device))
        """,
        before);
  }

  /**
   * Keeps what the scores of a judged window say together, by version and profile; a device counts
   * for four others at most.
   */
  static void scores(
      Transaction transaction, Track track, long window, List<DeviceWindow> devices) {
    Map<OfScores, List<long[]>> counted = counted(devices);
    addScores(transaction, track, window, counted, counted);
  }

  /**
   * Adds those of windows that came late, where their own were judged. A device counts for no more
   * than it might have in time: few come late, who among themselves could not tell a flood.
   *
   * @param inTime windows that were not late
   */
  static void lateScores(
      Transaction transaction, Track track, List<DeviceWindow> inTime, List<LateWindow> late) {
    if (late.isEmpty()) {
      return;
    }
    Map<OfScores, List<long[]>> usual = counted(inTime);
    Map<Long, List<DeviceWindow>> byWindow = new TreeMap<>();
    late.forEach(
        one -> byWindow.computeIfAbsent(one.window(), key -> new ArrayList<>()).add(one.counts()));
    byWindow.forEach(
        (window, devices) -> addScores(transaction, track, window, counted(devices), usual));
  }

  private static Map<OfScores, List<long[]>> counted(List<DeviceWindow> devices) {
    Map<OfScores, List<long[]>> counted = new HashMap<>();
    for (DeviceWindow one : devices) {
      scores(one)
          .ifPresent(
              row ->
                  counted
                      .computeIfAbsent(
                          new OfScores(
                              new Scored(
                                  one.version().version(),
                                  one.attributes().getOrDefault(WindowReader.PROFILE, "")),
                              row.confidence()),
                          key -> new ArrayList<>())
                      .add(row.array()));
    }
    return counted;
  }

  private static double most(List<long[]> rows) {
    return DeviceShare.limit(DeviceShare.totals(rows));
  }

  private static void addScores(
      Transaction transaction,
      Track track,
      long window,
      Map<OfScores, List<long[]>> counted,
      Map<OfScores, List<long[]>> usual) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    counted.forEach(
        (of, each) ->
            rows.add(
                new @Nullable Object[] {
                  track.slot(),
                  track.model(),
                  track.windowMillis(),
                  window,
                  of.scored().version(),
                  of.scored().profile(),
                  DeviceShare.sum(
                      each, Math.min(most(each), most(usual.getOrDefault(of, List.of())))),
                  of.confidence()
                }));
    transaction.batch(
        """
        insert into drift_score (slot, model, window_millis, window_index, version, profile, counts,
          confidence)
        select * from (values (?::text, ?::text, ?::bigint, ?::bigint, ?::bigint, ?::text,
          ?::bigint[], ?::boolean)) as one (slot, model, window_millis, window_index, version,
          profile, counts, confidence)
        where exists (select 1 from drift_window w where w.slot = one.slot
          and w.model = one.model and w.window_millis = one.window_millis
          and w.window_index = one.window_index)
        on conflict (slot, model, window_millis, window_index, version, profile) do update
          set counts = (select array_agg(before + added order by bin)
            from unnest(drift_score.counts, excluded.counts) with ordinality
              as bins (before, added, bin))
          where drift_score.confidence = excluded.confidence
        """,
        rows);
  }

  private record OfScores(Scored scored, boolean confidence) {}

  /**
   * Scores of one device.
   *
   * @param confidence whether they are of the class that was named, else of the positive one
   * @param counts in 64 bins
   */
  record ScoreRow(boolean confidence, List<Long> counts) {
    ScoreRow {
      counts = List.copyOf(counts);
    }

    long[] array() {
      return counts.stream().mapToLong(Long::longValue).toArray();
    }

    void addTo(long[] sum) {
      for (int bin = 0; bin < sum.length; bin++) {
        sum[bin] += counts.get(bin);
      }
    }
  }

  /** What a device's window says of its scores; empty when nothing in 64 bins. */
  static Optional<ScoreRow> scores(DeviceWindow one) {
    if (one.counts().layout().indexOf(MonitoringPlan.CLAMPED) >= 0) {
      // Its score has bins of its own, however many: it is an amount, or at least no probability.
      return Optional.empty();
    }
    boolean confidence = one.counts().layout().indexOf(MonitoringPlan.SCORE) < 0;
    int stream =
        one.counts()
            .layout()
            .indexOf(confidence ? MonitoringPlan.CONFIDENCE : MonitoringPlan.SCORE);
    if (stream < 0 || !one.counts().has(stream)) {
      return Optional.empty();
    }
    List<Long> counts = one.counts().spread(stream);
    return counts.size() == Calibration.BINS && counts.stream().anyMatch(count -> count > 0)
        ? Optional.of(new ScoreRow(confidence, counts))
        : Optional.empty();
  }

  /** Whose scores are counted together: they are calibrated alike. */
  record Scored(long version, String profile) {}

  /** Scores that were counted in one span of time. */
  record ScoreCounts(long span, Scored of, ScoreRow row) {}

  /** What was counted of a model since a moment, in spans of a length, oldest first. */
  static List<ScoreCounts> scores(
      Transaction transaction, String model, Instant since, long spanMillis) {
    return transaction.list(
        """
        select span, version, profile, confidence, array_agg(counted order by bin) as counts from (
          select window_index * window_millis / ? as span, version, profile, confidence, bin,
            sum(count)::bigint as counted
          from drift_score, unnest(counts) with ordinality as counted (count, bin)
          where model = ? and window_index * window_millis >= ?
          group by 1, 2, 3, 4, 5) sums
        group by span, version, profile, confidence order by span, version, profile, confidence
        """,
        row ->
            new ScoreCounts(
                row.bigint("span"),
                new Scored(row.bigint("version"), row.text("profile")),
                new ScoreRow(
                    row.flag("confidence"), Arrays.stream(row.bigints("counts")).boxed().toList())),
        spanMillis,
        model,
        since.toEpochMilli());
  }

  static long insert(
      Transaction transaction, Track track, long version, Incident incident, Instant now) {
    DriftFinding finding = incident.finding();
    return transaction
        .first(
            """
            insert into incident (slot, model, version, window_millis, cohort, feature, state,
              opened_at, onset_window, opened_window, finding, confirmations, resolution, relearn,
              paged)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, 0, '', false, ?) returning number
            """,
            row -> row.bigint("number"),
            track.slot(),
            track.model(),
            version,
            track.windowMillis(),
            finding.cohort().toString(),
            finding.feature(),
            incident.state().name(),
            now,
            finding.onsetWindow(),
            finding.window(),
            GSON.toJson(finding),
            incident.page().map(Enum::name).orElse(null))
        .orElseThrow();
  }

  static void update(Transaction transaction, long number, Incident incident) {
    transaction.update(
        """
        update incident set state = ?, harm = ?::jsonb, estimate = ?::jsonb, confirmations = ?,
          paged = coalesce(?, paged) where number = ?
        """,
        incident.state().name(),
        incident.harm().map(GSON::toJson).orElse(null),
        incident.estimate().map(GSON::toJson).orElse(null),
        incident.confirmations(),
        incident.page().map(Enum::name).orElse(null),
        number);
  }

  static void resolve(
      Transaction transaction,
      long number,
      Incident incident,
      long after,
      boolean relearn,
      Instant now) {
    transaction.update(
        """
        update incident set state = ?, resolution = ?, resolved_at = ?, resolved_after = ?,
          relearn = ? where number = ?
        """,
        incident.state().name(),
        incident.resolution(),
        now,
        after,
        relearn,
        number);
  }

  static List<Stored> open(Transaction transaction, Track track) {
    return transaction.list(
        """
        select * from incident where slot = ? and model = ? and window_millis = ?
          and state <> 'RESOLVED' order by number
        """,
        DriftStore::incident,
        track.slot(),
        track.model(),
        track.windowMillis());
  }

  /** The oldest that are open. */
  static List<Stored> open(Transaction transaction) {
    return transaction.list(
        "select * from incident where state <> 'RESOLVED' order by number limit ?",
        DriftStore::incident,
        OPEN_MAX);
  }

  static List<Stored> newest(Transaction transaction, int limit) {
    return transaction.list(
        "select * from incident order by number desc limit ?", DriftStore::incident, limit);
  }

  static Optional<Stored> find(Transaction transaction, long number) {
    return transaction.first(
        "select * from incident where number = ?", DriftStore::incident, number);
  }

  /**
   * Outcomes in an incident's cohort. Labels are left out: an incident queues its own unsure and
   * anomalous predictions for them, so that they would say that accuracy fell whenever it opened.
   */
  static List<Outcome> outcomes(
      Transaction transaction, Stored incident, long fromMillis, long toMillis) {
    return outcomes(
        transaction,
        incident,
        "f.score is not null",
        fromMillis,
        toMillis,
        row ->
            new Outcome(
                new DeviceId(row.text("device")),
                row.number("score"),
                row.number("actual") >= .5,
                row.number("probability")));
  }

  /** The same of a model with more than two classes. */
  static List<Accuracy.OfClass> classOutcomes(
      Transaction transaction, Stored incident, long fromMillis, long toMillis) {
    return outcomes(
        transaction,
        incident,
        "f.score is null and f.predicted_class is not null",
        fromMillis,
        toMillis,
        row ->
            new Accuracy.OfClass(
                new DeviceId(row.text("device")),
                row.integer("predicted_class"),
                (int) Math.round(row.number("actual")),
                1 / row.number("probability")));
  }

  private static <T> List<T> outcomes(
      Transaction transaction,
      Stored incident,
      String said,
      long fromMillis,
      long toMillis,
      Function<Row, T> read) {
    Members members = members(incident.incident().finding().cohort());
    String profile = members.profile().orElse(null);
    return transaction.list(
        """
        select distinct on (f.device, f.prediction_id) f.device, f.score, f.predicted_class,
          f.actual, coalesce(f.inclusion_probability, 1) as probability
        from telemetry_feedback f join device d on d.id = f.device
        where f.source <> 'label' and f.slot = ? and f.model = ? and f.version = ? and f.joined
          and %s and f.predicted_at >= ? and f.predicted_at < ?
          and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
        order by f.device, f.prediction_id, f.received_at desc, f.boot_epoch, f.sequence limit ?
        """
            .formatted(said),
        read,
        incident.track().slot(),
        incident.track().model(),
        incident.version(),
        Instant.ofEpochMilli(fromMillis),
        Instant.ofEpochMilli(toMillis),
        members.labels(),
        profile,
        profile,
        OUTCOMES_MAX);
  }

  /** Labels as JSON and the profile that the devices of a cohort have. */
  record Members(String labels, Optional<String> profile) {}

  static Members members(Cohort cohort) {
    Map<String, String> labels = new HashMap<>();
    cohort.terms().forEach(term -> labels.put(term.attribute(), term.value()));
    Optional<String> profile = Optional.ofNullable(labels.remove(WindowReader.PROFILE));
    return new Members(GSON.toJson(labels), profile);
  }

  /** Whether any device belongs to the cohorts of both. */
  static boolean overlap(Transaction transaction, Stored one, Stored other) {
    Members first = members(one.incident().finding().cohort());
    Members second = members(other.incident().finding().cohort());
    return transaction
        .first(
            """
            select 1 from device where labels @> ?::jsonb and labels @> ?::jsonb
              and (?::text is null or profile = ?) and (?::text is null or profile = ?) limit 1
            """,
            row -> true,
            first.labels(),
            second.labels(),
            first.profile().orElse(null),
            first.profile().orElse(null),
            second.profile().orElse(null),
            second.profile().orElse(null))
        .isPresent();
  }

  private static Stored incident(Row row) {
    DriftFinding finding = GSON.fromJson(row.text("finding"), DriftFinding.class);
    Incident incident =
        new Incident(
            IncidentState.valueOf(row.text("state")),
            finding,
            row.integer("confirmations"),
            row.optionalText("harm").map(json -> GSON.fromJson(json, Incident.Harm.class)),
            row.optionalText("estimate")
                .map(json -> GSON.fromJson(json, Incident.EstimatedHarm.class)),
            row.text("resolution"));
    return new Stored(
        row.bigint("number"),
        track(row),
        row.bigint("version"),
        incident,
        row.instant("opened_at"),
        row.optionalInstant("resolved_at").orElse(null),
        row.optionalText("paged"),
        row.bigint("scored_through"));
  }

  static Track track(Row row) {
    return new Track(row.text("slot"), row.text("model"), row.bigint("window_millis"));
  }
}
