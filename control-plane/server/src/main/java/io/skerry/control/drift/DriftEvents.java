package io.skerry.control.drift;

import com.google.gson.Gson;
import io.skerry.api.EventMark;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.EventCheck;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What happened to devices near a moment of drift: rollouts to their slot, and changes of the
 * software around it as they told them.
 */
final class DriftEvents {
  /** Windows before an onset in which its cause is looked for. */
  static final int WINDOWS_BEFORE = 32;

  private static final int CHECKED_MAX = 5;
  private static final int LISTED_MAX = 20;
  private static final Gson GSON = new Gson();

  // Those that ran what the rollout brought, whatever became of it.
  private static final List<String> UPDATED =
      List.of("PROBATION", "COMMITTED", "RESTORING", "RESTORED", "RESTORE_FAILED");

  private DriftEvents() {}

  /** What happened. Names are wire values. */
  enum Kind {
    ROLLOUT,
    /** Of the agent, the system, the runtime, the engines or the accelerators. */
    CHANGE
  }

  /**
   * Something that happened to devices.
   *
   * @param id the rollout's, or what changed to what
   * @param name the version, or what is new
   * @param detail how the rollout stands, or what was before
   * @param beganMillis when it reached the first device
   * @param endedMillis when it had reached the last
   * @param ofCohort touched devices of the cohort
   */
  record Event(
      Kind kind,
      String id,
      String name,
      String detail,
      long beganMillis,
      long endedMillis,
      int ofCohort,
      List<String> touched) {
    Event {
      touched = List.copyOf(touched);
    }

    Instant began() {
      return Instant.ofEpochMilli(beganMillis);
    }

    long distanceMillis(long fromMillis, long untilMillis) {
      return Math.max(0, Math.max(beganMillis - untilMillis, fromMillis - endedMillis));
    }
  }

  /** An event with what was found; its devices are kept, so that it can be found again. */
  record Checked(Event event, EventCheck check) {}

  /**
   * When events are looked for.
   *
   * @param from they had not reached all of their devices before
   * @param until they had begun
   * @param through devices that they reached later are not counted
   */
  record Span(Instant from, Instant until, Instant through) {}

  /** Events that touched a cohort's devices in a span of time. */
  static List<Event> of(Transaction transaction, Track track, Cohort cohort, Span span) {
    IncidentStore.Members members = IncidentStore.members(cohort);
    List<Event> events = new ArrayList<>(rollouts(transaction, track, members, span));
    events.addAll(changes(transaction, members, span));
    return events;
  }

  private static List<Event> rollouts(
      Transaction transaction, Track track, IncidentStore.Members members, Span span) {
    return transaction.list(
        """
        select * from (
          select r.id, r.model || '@' || r.version as name, r.id || ' ' || r.phase as detail,
            r.created_at as began, greatest(r.created_at, max(p.ordered_at)) as ended,
            count(*) filter (where d.labels @> ?::jsonb and (?::text is null or d.profile = ?))
              as members,
            coalesce(array_agg(d.device order by d.device) filter (where d.device is not null), '{}')
              as touched
          from rollout r
          left join deployment p on p.rollout = r.id and p.state = any(?) and p.ordered_at <= ?
          left join device_during d on d.device = p.device
            and d.since <= p.ordered_at and p.ordered_at < d.until
          where ? = any(r.slots) and r.created_at <= ?
          group by r.id) events
        where ended >= ? order by began desc limit ?
        """,
        row ->
            new Event(
                Kind.ROLLOUT,
                row.text("id"),
                row.text("name"),
                row.text("detail"),
                row.instant("began").toEpochMilli(),
                row.instant("ended").toEpochMilli(),
                (int) row.bigint("members"),
                row.texts("touched")),
        members.labels(),
        members.profile().orElse(null),
        members.profile().orElse(null),
        UPDATED,
        span.through(),
        track.slot(),
        span.until(),
        span.from(),
        LISTED_MAX);
  }

  // By what devices are once it is over: a change may be what makes them members, as of a profile.
  private static List<Event> changes(
      Transaction transaction, IncidentStore.Members members, Span span) {
    return transaction.list(
        """
        select * from (
          select c.what, min(c.before) as before, c.after, min(c.at) as began, max(c.at) as ended,
            count(distinct d.device)
              filter (where d.labels @> ?::jsonb and (?::text is null or d.profile = ?)) as members,
            array_agg(distinct d.device order by d.device) as touched
          from device_change c
          join device_during d on d.device = c.device and d.since <= ? and ? < d.until
          where c.at >= ? and c.at <= ?
          group by c.what, c.after) events
        where members > 0 and began <= ? order by members desc, began desc limit ?
        """,
        row ->
            new Event(
                Kind.CHANGE,
                "%s %s".formatted(row.text("what"), row.text("after")),
                "%s %.60s".formatted(row.text("what"), row.text("after")),
                "before %.120s".formatted(row.text("before")),
                row.instant("began").toEpochMilli(),
                row.instant("ended").toEpochMilli(),
                (int) row.bigint("members"),
                row.texts("touched")),
        members.labels(),
        members.profile().orElse(null),
        members.profile().orElse(null),
        span.through(),
        span.through(),
        span.from(),
        span.through(),
        span.until(),
        LISTED_MAX);
  }

  /** Looks for what may be the cause of a finding, and keeps what is nearest to its onset. */
  static void keep(
      Transaction transaction, Track track, long number, DriftFinding finding, DriftLedger ledger) {
    long from = track.startMillis(finding.onsetWindow());
    // What began in the window after the last in which it may have begun was not there before.
    long until = track.startMillis(finding.onsetLatest() + 1);
    List<Event> events =
        of(
            transaction,
            track,
            finding.cohort(),
            new Span(
                Instant.ofEpochMilli(track.startMillis(finding.onsetWindow() - WINDOWS_BEFORE)),
                Instant.ofEpochMilli(until),
                Instant.ofEpochMilli(track.startMillis(finding.window() + 1))));
    List<Event> nearest =
        events.stream()
            .sorted(
                Comparator.<Event>comparingLong(event -> event.distanceMillis(from, until))
                    .thenComparing(Event::ofCohort, Comparator.reverseOrder()))
            .limit(CHECKED_MAX)
            .toList();
    List<@Nullable Object[]> rows = new ArrayList<>();
    for (Event event : nearest) {
      Checked checked = new Checked(event, check(ledger, finding, event));
      rows.add(new @Nullable Object[] {number, rows.size(), GSON.toJson(checked)});
    }
    transaction.batch("insert into incident_event values (?, ?, ?::jsonb)", rows);
  }

  static EventCheck check(DriftLedger ledger, DriftFinding finding, Event event) {
    return ledger.check(
        finding, event.touched().stream().map(DeviceId::new).collect(Collectors.toSet()));
  }

  /** An event on a chart. */
  static EventMark mark(Track track, Event event, @Nullable EventCheck check) {
    return new EventMark(
        event.kind().name(),
        event.name(),
        event.detail(),
        event.began(),
        Instant.ofEpochMilli(event.endedMillis()),
        event.beganMillis() / track.windowMillis(),
        event.ofCohort(),
        check == null
            ? null
            : new EventMark.Check(
                check.answer().name(),
                check.difference().value(),
                check.difference().low(),
                check.difference().high(),
                check.membersTouched()));
  }

  /** What was kept of an incident, nearest first. */
  static List<Checked> kept(Transaction transaction, long number) {
    return transaction.list(
        "select event from incident_event where incident = ? order by place",
        row -> GSON.fromJson(row.text("event"), Checked.class),
        number);
  }
}
