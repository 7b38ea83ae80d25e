package io.skerry.control.drift;

import com.google.gson.Gson;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentState;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.Outcome;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The table of incidents, and what became known of their cohorts. */
final class IncidentStore {
  private static final int OPEN_MAX = 1000;
  private static final Gson GSON = new Gson();

  private IncidentStore() {}

  record Stored(
      long number,
      Track track,
      long version,
      Incident incident,
      Instant openedAt,
      @Nullable Instant resolvedAt,
      Optional<String> told,
      long scoredThrough,
      boolean scoredByHours) {
    String id() {
      return "incident-" + number;
    }

    /** The same, as if it were about another version. */
    Stored ofVersion(long other) {
      return new Stored(
          number, track, other, incident, openedAt, resolvedAt, told, scoredThrough, scoredByHours);
    }

    /** What it has paged for: of a build that noted none, what it pages for now. */
    Set<Incident.Page> paged() {
      return told.map(
              names ->
                  Arrays.stream(names.split(","))
                      .map(Incident.Page::valueOf)
                      .collect(Collectors.toUnmodifiableSet()))
          .orElseGet(() -> incident.page().stream().collect(Collectors.toUnmodifiableSet()));
    }
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
          broken = ?::jsonb, paged = case when ? = any(string_to_array(paged, ',')) then paged
            else nullif(concat_ws(',', paged, ?::text), '') end
        where number = ?
        """,
        incident.state().name(),
        incident.harm().map(GSON::toJson).orElse(null),
        incident.estimate().map(GSON::toJson).orElse(null),
        incident.confirmations(),
        GSON.toJson(incident.broken()),
        incident.page().map(Enum::name).orElse(null),
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
        IncidentStore::incident,
        track.slot(),
        track.model(),
        track.windowMillis());
  }

  /** The oldest that are open. */
  static List<Stored> open(Transaction transaction) {
    return openAfter(transaction, 0, OPEN_MAX);
  }

  /** The oldest of a model that are open. */
  static List<Stored> open(Transaction transaction, String model) {
    return transaction.list(
        "select * from incident where model = ? and state <> 'RESOLVED' order by number limit ?",
        IncidentStore::incident,
        model,
        OPEN_MAX);
  }

  /** Those that are open after one, oldest first. */
  static List<Stored> openAfter(Transaction transaction, long number, int limit) {
    return transaction.list(
        "select * from incident where state <> 'RESOLVED' and number > ? order by number limit ?",
        IncidentStore::incident,
        number,
        limit);
  }

  /**
   * A place in the list: what is open comes first, then the newest.
   *
   * @param number of the incident before
   */
  record Place(boolean resolved, long number) {
    static final Place START = new Place(false, Long.MAX_VALUE);

    static Place of(Stored stored) {
      return new Place(!stored.incident().isOpen(), stored.number());
    }
  }

  static List<Stored> list(Transaction transaction, Place after, int limit) {
    return transaction.list(
        """
        select * from incident where (state = 'RESOLVED', -number) > (?, ?)
        order by state = 'RESOLVED', -number limit ?
        """,
        IncidentStore::incident,
        after.resolved(),
        -after.number(),
        limit);
  }

  static Optional<Stored> find(Transaction transaction, long number) {
    return transaction.first(
        "select * from incident where number = ?", IncidentStore::incident, number);
  }

  /**
   * Outcomes that were read.
   *
   * @param known how many there are
   */
  record Sampled<T>(List<T> all, long known) {
    static double share(Sampled<?> one, Sampled<?> other) {
      long known = one.known + other.known;
      return known == 0 ? 1 : (double) (one.all.size() + other.all.size()) / known;
    }
  }

  /**
   * Outcomes in an incident's cohort. Labels are left out: an incident queues its own unsure and
   * anomalous predictions for them, so that they would say that accuracy fell whenever it opened.
   */
  static Sampled<Outcome> outcomes(Transaction transaction, Stored incident, Season.Span span) {
    return outcomes(transaction, incident, span, OutcomeSample.OUTCOMES_MAX);
  }

  /** The same, of no more than so many. */
  static Sampled<Outcome> outcomes(
      Transaction transaction, Stored incident, Season.Span span, int most) {
    return outcomes(
        transaction,
        incident,
        "f.score is not null",
        span,
        most,
        row ->
            new Outcome(
                new DeviceId(row.text("device")),
                row.number("score"),
                row.number("actual") >= .5,
                row.number("probability") * row.number("read_share")));
  }

  /** The same of a model with more than two classes. */
  static Sampled<Accuracy.OfClass> classOutcomes(
      Transaction transaction, Stored incident, Season.Span span) {
    return outcomes(
        transaction,
        incident,
        "f.score is null and f.predicted_class is not null",
        span,
        OutcomeSample.OUTCOMES_MAX,
        row ->
            new Accuracy.OfClass(
                new DeviceId(row.text("device")),
                row.integer("predicted_class"),
                (int) Math.round(row.number("actual")),
                1 / (row.number("probability") * row.number("read_share"))));
  }

  private static <T> Sampled<T> outcomes(
      Transaction transaction,
      Stored incident,
      String said,
      Season.Span span,
      int most,
      Function<Row, T> read) {
    Members members = members(incident.incident().finding().cohort());
    String profile = members.profile().orElse(null);
    long[] known = new long[1];
    List<T> all =
        transaction.list(
            OutcomeSample.of(
                """
        select distinct on (f.device, f.prediction_id) f.device, f.prediction_id, f.score,
          f.predicted_class, f.actual, coalesce(f.inclusion_probability, 1) as probability
        from telemetry_feedback f
        join device_during d on d.device = f.device
          and d.since <= f.predicted_at and f.predicted_at < d.until
        where f.source <> 'label' and f.slot = ? and f.model = ? and f.version = ? and f.joined
          and %s and f.predicted_at >= ? and f.predicted_at < ?
          and mod(floor(1000 * extract(epoch from f.predicted_at))::bigint - ?, ?) < ?
          and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
        order by f.device, f.prediction_id, f.received_at desc, f.boot_epoch, f.sequence
        """
                    .formatted(said)),
            row -> {
              known[0] = row.bigint("known");
              return read.apply(row);
            },
            incident.track().slot(),
            incident.track().model(),
            incident.version(),
            Instant.ofEpochMilli(span.fromMillis()),
            Instant.ofEpochMilli(span.toMillis()),
            span.fromMillis(),
            span.everyMillis(),
            span.partMillis(),
            members.labels(),
            profile,
            profile,
            most);
    return new Sampled<>(all, known[0]);
  }

  /**
   * Until when outcomes since the onset are known, which come hours late where a file of them is
   * told once a day; empty where none are.
   */
  static OptionalLong outcomesKnownUntil(Transaction transaction, Stored incident, Instant now) {
    Members members = members(incident.incident().finding().cohort());
    String profile = members.profile().orElse(null);
    return transaction
        .first(
            """
            select f.predicted_at from telemetry_feedback f
            join device_during d on d.device = f.device
              and d.since <= f.predicted_at and f.predicted_at < d.until
            where f.source <> 'label' and f.slot = ? and f.model = ? and f.version = ? and f.joined
              and (f.score is not null or f.predicted_class is not null)
              and f.predicted_at >= ? and f.predicted_at < ?
              and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
            order by f.predicted_at desc limit 1
            """,
            row -> OptionalLong.of(row.instant("predicted_at").toEpochMilli() + 1),
            incident.track().slot(),
            incident.track().model(),
            incident.version(),
            Instant.ofEpochMilli(
                incident.track().startMillis(incident.incident().finding().onsetWindow())),
            now,
            members.labels(),
            profile,
            profile)
        .orElse(OptionalLong.empty());
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
            row.optionalText("broken")
                .map(json -> List.of(GSON.fromJson(json, Incident.Broken[].class)))
                .orElse(List.of()),
            row.text("resolution"));
    return new Stored(
        row.bigint("number"),
        DriftStore.track(row),
        row.bigint("version"),
        incident,
        row.instant("opened_at"),
        row.optionalInstant("resolved_at").orElse(null),
        row.optionalText("paged"),
        row.bigint("scored_through"),
        row.flag("scored_by_hours"));
  }
}
