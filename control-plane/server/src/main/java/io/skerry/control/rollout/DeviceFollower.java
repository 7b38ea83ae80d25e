package io.skerry.control.rollout;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.device.DeviceRemoved;
import io.skerry.control.device.PresenceStoring;
import io.skerry.control.device.ReportsStoring;
import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.DeploymentMachine;
import io.skerry.fleet.rollout.DeploymentMachine.Part;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Brings what devices report and whether they are connected into their deployments, in the
 * transaction that stores it; counts follow by the tables' triggers.
 */
@Singleton
final class DeviceFollower {
  private static final List<String> FOLLOWED =
      Arrays.stream(DeploymentState.values())
          .filter(
              state ->
                  state.isInFlight()
                      || state == DeploymentState.DEFERRED
                      || state == DeploymentState.NOT_REACHED
                      || state == DeploymentState.COMMITTED
                      || state == DeploymentState.RESTORING
                      || state == DeploymentState.RESTORE_FAILED)
          .map(Enum::name)
          .toList();

  private static final List<String> FAILURES =
      Arrays.stream(DeploymentState.values())
          .filter(DeploymentState::isFailure)
          .map(Enum::name)
          .toList();

  private final Database database;
  private static final Clock CLOCK = Clock.systemUTC();

  DeviceFollower(Database database) {
    this.database = database;
  }

  private record Key(String rollout, String device) {}

  private static final class Followed {
    final DeploymentState state;
    final boolean online;
    final Instant orderedAt;
    final int restores;
    final RolloutPlan.Deadlines deadlines;
    final List<Part> parts = new ArrayList<>();
    Optional<String> errorCode = Optional.empty();
    Optional<String> errorDetail = Optional.empty();

    Followed(Row row) {
      state = DeploymentState.valueOf(row.text("state"));
      online = row.flag("online");
      orderedAt = row.optionalInstant("ordered_at").orElse(Instant.EPOCH);
      restores = row.integer("restores");
      Duration progress = Duration.ofMillis(row.bigint("progress_millis"));
      deadlines =
          new RolloutPlan.Deadlines(
              Duration.ofMillis(row.bigint("start_millis")),
              Duration.ofMillis(row.bigint("step_millis")),
              progress,
              // A stage's own is none of a device's.
              progress);
    }

    void add(Row row) {
      long revision = row.bigint("revision");
      parts.add(new Part(report(row), revision, Digest.parse(row.text("ordered"))));
      if (row.bigint("reported") == revision && errorCode.isEmpty()) {
        errorCode = row.optionalText("report_code");
        errorDetail = row.optionalText("report_detail");
      }
    }

    Optional<Instant> due(DeploymentState after, Instant now) {
      return online ? deadlines.due(after, orderedAt, now) : Optional.empty();
    }

    Optional<Instant> again(DeploymentState after, Instant now) {
      return after == DeploymentState.RESTORE_FAILED
          ? deadlines.restoreAgain(restores).map(now::plus)
          : Optional.empty();
    }
  }

  @EventListener
  void onReports(ReportsStoring stored) {
    follow(stored.transaction(), stored.devices().stream().map(DeviceId::value).toList());
  }

  private static void follow(Transaction transaction, List<String> devices) {
    lock(transaction, devices);
    Map<Key, Followed> followed = new LinkedHashMap<>();
    transaction.forEach(
        """
        select d.rollout, d.device, d.state, d.online, d.ordered_at, d.restores, r.start_millis,
          r.step_millis, r.progress_millis, o.slot, o.revision, o.manifest as ordered,
          coalesce(p.revision, 0) as reported, coalesce(p.phase, 'IDLE') as phase,
          p.running_model, p.running_version, p.running_manifest, p.error_code as report_code,
          p.error_detail as report_detail
        from deployment d
        join rollout r on r.id = d.rollout
        join desired_slot o on o.device = d.device and o.rollout = d.rollout and o.mode <> 'OFF'
        left join device_slot_report p on p.device = d.device and p.slot = o.slot
        where d.live and d.device = any(?) and d.state = any(?)
          and (d.has_order or d.state <> 'DEFERRED')
        order by d.device, d.rollout, o.slot
        """,
        row ->
            followed
                .computeIfAbsent(
                    new Key(row.text("rollout"), row.text("device")), unused -> new Followed(row))
                .add(row),
        devices,
        FOLLOWED);
    Instant now = CLOCK.instant().truncatedTo(ChronoUnit.MICROS);
    Columns rows = new Columns(8);
    followed.forEach(
        (key, one) -> {
          DeploymentState after = DeploymentMachine.after(one.state, one.parts);
          if (after != one.state) {
            boolean failed = after.isFailure() || after == DeploymentState.RESTORE_FAILED;
            rows.add(
                key.rollout(),
                key.device(),
                one.state.name(),
                after.name(),
                one.due(after, now).map(Instant::toString).orElse(null),
                one.again(after, now).map(Instant::toString).orElse(null),
                failed ? one.errorCode.orElse(null) : null,
                failed ? one.errorDetail.orElse(null) : null);
          }
        });
    if (rows.isEmpty()) {
      return;
    }
    transaction.update(
        """
        update deployment d set state = told.state, due_at = told.due::timestamptz,
          again_at = told.again::timestamptz,
          failed_as = case when told.state = any(?) then told.state else d.failed_as end,
          error_code = coalesce(told.code, d.error_code),
          error_detail = case when d.state = 'NOT_REACHED' then told.detail
            else coalesce(told.detail, d.error_detail) end
        from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
          ?::text[]) as told (rollout, device, before, state, due, again, code, detail)
        where d.rollout = told.rollout and d.device = told.device and d.state = told.before
        """,
        rows.after(FAILURES));
  }

  // A statement of its own: one that waits for a lock reads only the locked row again, and would
  // hold the new state of a device that is just ordered back against the order before. Not those
  // that wait for an order: the engine locks these by their rank.
  private static void lock(Transaction transaction, List<String> devices) {
    transaction.list(
        """
        select device from deployment
        where live and device = any(?) and state = any(?) and (has_order or state <> 'DEFERRED')
        order by device, rollout for update
        """,
        row -> row.text("device"),
        devices,
        FOLLOWED);
  }

  private static SlotReport report(Row row) {
    Optional<SlotReport.Running> running =
        row.optionalText("running_manifest")
            .map(
                manifest ->
                    new SlotReport.Running(
                        new ModelVersion(
                            new ModelName(row.text("running_model")),
                            row.bigint("running_version")),
                        Digest.parse(manifest)));
    return new SlotReport(
        new SlotId(row.text("slot")),
        row.bigint("reported"),
        SlotPhase.valueOf(row.text("phase")),
        Optional.empty(),
        Optional.empty(),
        running,
        Optional.empty(),
        0,
        0);
  }

  // RolloutPlan.Deadlines.due of a device that begins its step now; r is its rollout.
  private static String due(String orderedAt) {
    return """
    case
      when d.state = 'OFFERED' then of.ordered + interval '1 millisecond' * r.start_millis
      when d.state in ('DOWNLOADING', 'RESTORING')
        then of.ordered + interval '1 millisecond' * r.progress_millis
      when d.state in ('VERIFYING', 'STAGED', 'COMPILING', 'ACTIVATING', 'PROBATION')
        then now() + interval '1 millisecond' * r.step_millis end
    """
        .replace("of.ordered", orderedAt);
  }

  /**
   * Moves the deadlines of all devices on by a silence until now: nobody heard whether they kept
   * them. Who is late by them has as long again, but no longer than to begin, to be heard.
   */
  static void hearAgain(Transaction transaction, Duration silence) {
    transaction.update(
        """
        with quiet as (select ? * interval '1 millisecond' as length)
        update deployment d
        set ordered_at = d.ordered_at + least(quiet.length, now() - d.ordered_at),
          due_at = greatest(d.due_at + least(quiet.length, now() - d.ordered_at),
            now() + least(quiet.length, r.start_millis * interval '1 millisecond'))
        from rollout r, quiet
        where d.live and d.online and d.due_at is not null and d.ordered_at < now()
          and r.id = d.rollout
        """,
        silence.toMillis());
    // Of who left meanwhile it is known only until when it was heard.
    transaction.update(
        """
        update deployment set away_since = now() - ? * interval '1 millisecond'
        where live and not online and away_since > now() - ? * interval '1 millisecond'
        """,
        silence.toMillis(),
        silence.toMillis());
  }

  // When it would have been ordered had it never been away; now where nobody knows since when. Who
  // was not ordered yet is not ordered by coming back.
  private static final String ORDERED_AT =
      "d.ordered_at + (now() - greatest(d.away_since, d.ordered_at))";

  // Time that a device is away is not its own; what it was there for adds up.
  @EventListener
  void onPresence(PresenceStoring stored) {
    List<String> devices = stored.devices().stream().map(DeviceId::value).toList();
    comeAndGo(
        stored.transaction(),
        !devices.isEmpty(),
        "(? = 0 or d.device = any(?))",
        devices.size(),
        devices);
    // Afterwards: who is late only since that began is seen, too.
    goOn(stored.transaction(), "(? = 0 or d.device = any(?))", devices.size(), devices);
  }

  private static void comeAndGo(
      Transaction transaction, boolean sinceNow, String which, Object... parameters) {
    List<Object> all = new ArrayList<>(List.of(sinceNow));
    all.addAll(Arrays.asList(parameters));
    transaction.update(
        """
        update deployment d set online = p.online,
          ordered_at = case when p.online then {ordered} else d.ordered_at end,
          due_at = case when p.online then {due} end,
          away_since = case when p.online then null when ? then now()
            else (select least(at, now()) from heard) end
        from device_presence p, rollout r
        where d.live and d.device = p.device and r.id = d.rollout
          and d.online <> p.online and {which}
        """
            .replace("{ordered}", ORDERED_AT)
            .replace("{due}", due("coalesce(" + ORDERED_AT + ", now())"))
            .replace("{which}", which),
        all.toArray());
  }

  /**
   * Who came or went while its row was made: neither who made it nor who stored the presence saw
   * the other. Whose row somebody else has is left to the next time.
   */
  static void mendPresence(Transaction transaction, RolloutId rollout) {
    List<String> wrong =
        transaction.list(
            """
            select d.device from deployment d
            join device_presence p on p.device = d.device and p.online <> d.online
            where d.rollout = ? and d.live for update of d skip locked
            """,
            row -> row.text("device"),
            rollout.value());
    if (!wrong.isEmpty()) {
      comeAndGo(transaction, true, "d.rollout = ? and d.device = any(?)", rollout.value(), wrong);
      goOnAgain(transaction, rollout);
    }
  }

  /** The same of a rollout that is followed again. */
  static void goOnAgain(Transaction transaction, RolloutId rollout) {
    goOn(transaction, "d.rollout = ?", rollout.value());
  }

  private static final String OWN =
      """
      exists (select from desired_slot o
        where o.device = d.device and o.rollout = d.rollout and o.mode <> 'OFF')
      """;

  // Who was late and kept its order goes on with it, like any other that is under way: it has
  // deadlines, and counts towards the limits. What it told last may be all that it tells. Where
  // something else has ordered its place meanwhile, that stays. What was rolled back meanwhile
  // ordered it back; nobody is late with that any more.
  private static void goOn(Transaction transaction, String which, Object... parameters) {
    List<String> underWay = new ArrayList<>();
    transaction.forEach(
        """
        update deployment d set
          state = case when not {own} then 'CANCELLED'
            when r.phase = 'ROLLED_BACK' then 'RESTORING' else 'OFFERED' end,
          due_at = case when {own} and r.phase <> 'ROLLED_BACK' then d.ordered_at + interval '1 millisecond' * r.start_millis end
        from device_presence p, rollout r
        where d.live and d.online and d.device = p.device and r.id = d.rollout and p.online
          and d.state = 'DEFERRED' and d.has_order and r.phase in ('RUNNING', 'PAUSED', 'SUCCEEDED', 'ROLLED_BACK')
          and {which}
        returning d.device
        """
            .replace("{own}", OWN)
            .replace("{which}", which),
        row -> underWay.add(row.text("device")),
        parameters);
    if (!underWay.isEmpty()) {
      follow(transaction, underWay);
    }
  }

  @EventListener
  void onRemoved(DeviceRemoved event) {
    database.run(
        transaction ->
            transaction.update(
                """
                update deployment set state = 'REMOVED', due_at = null, live = false
                where device = ? and live
                """,
                event.device().value()));
  }
}
