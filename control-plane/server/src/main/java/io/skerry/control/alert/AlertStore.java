package io.skerry.control.alert;

import io.skerry.control.device.DeviceCloned;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The tables of alerts, routes, silences and deliveries; secrets are sealed by the caller. */
final class AlertStore {
  static final int LIST_MAX = 500;
  private static final int EARLIER_MAX = 1000;

  private AlertStore() {}

  static Alert insert(Transaction transaction, Alert alert) {
    return transaction
        .first(
            """
            insert into alert (at, kind, object, cause, cohort, severity, detail, resolved_at)
            values (?, ?, ?, ?, ?, ?, ?, ?) returning *
            """,
            AlertStore::alert,
            alert.at(),
            alert.kind(),
            alert.object(),
            alert.cause(),
            alert.cohort(),
            alert.severity().name(),
            alert.detail(),
            alert.resolvedAt().orElse(null))
        .orElseThrow();
  }

  /** Whether there is one of the same kind and cause. */
  static boolean isKept(Transaction transaction, Alert alert) {
    return transaction.number(
            "select count(*) from alert where kind = ? and cause = ?", alert.kind(), alert.cause())
        > 0;
  }

  /** What of a cause went out on which route, or will; what was held back, as of when it went. */
  static List<Routing.Told> told(Transaction transaction, String cause, Instant since) {
    return transaction.list(
        """
        select d.route, a.kind, a.severity, greatest(a.at, d.woken_at) as at
        from alert a join alert_delivery d on d.alert = a.id
        where a.cause = ? and a.cause <> '' and greatest(a.at, d.woken_at) > ?
          and d.state in ('WAITING', 'REPEATING', 'DELIVERED')
        order by a.id desc limit ?
        """,
        row ->
            new Routing.Told(
                row.text("route"),
                row.text("kind"),
                Severity.valueOf(row.text("severity")),
                row.instant("at")),
        cause,
        since,
        EARLIER_MAX);
  }

  /**
   * Ends the open alerts of an object, and has those told of it that were told it goes on.
   *
   * @param kinds how their kinds begin
   */
  static void resolve(Transaction transaction, String kinds, String object, Instant now) {
    transaction.update(
        """
        update alert set resolved_at = ?
        where object = ? and starts_with(kind, ?) and resolved_at is null
        """,
        now,
        object,
        kinds);
    tellEnds(transaction, now);
  }

  /** Alarms of copied keys that are on, and of which no open alert tells. */
  static List<DeviceCloned> untold(Transaction transaction) {
    return transaction.list(
        """
        select device, (select string_agg(one, ',')
          from jsonb_array_elements_text(state -> 'instances') as one) as instances
        from device_instances i
        where cloned_since is not null and not exists (select from alert
          where object = i.device and kind = 'device.cloned' and resolved_at is null)
        limit ?
        """,
        row ->
            new DeviceCloned(
                new DeviceId(row.text("device")), List.of(row.text("instances").split(",", -1))),
        LIST_MAX);
  }

  /** Whether the same is told of already, and has not ended. */
  static boolean isOpen(Transaction transaction, Alert alert) {
    return transaction.number(
            """
            select count(*) from alert where kind = ? and object = ? and resolved_at is null
            """,
            alert.kind(),
            alert.object())
        > 0;
  }

  /** Ends the alarms of copied keys that were dealt with: the device is revoked, or gone. */
  static void resolveCloned(Transaction transaction, Instant now) {
    int ended =
        transaction.update(
            """
            update alert set resolved_at = ? where kind = 'device.cloned' and resolved_at is null
              and not exists (select from device_instances i
                where i.device = alert.object and i.cloned_since is not null)
            """,
            now);
    if (ended > 0) {
      tellEnds(transaction, now);
    }
  }

  private static void tellEnds(Transaction transaction, Instant now) {
    transaction.update(
        """
        update alert_delivery d set state = 'WAITING', attempts = 0, next_at = ?
        from alert a where a.id = d.alert and d.state = 'REPEATING' and a.resolved_at is not null
        """,
        now);
  }

  static List<Alert> newest(Transaction transaction, long before, int limit) {
    return transaction.list(
        "select * from alert where id < ? order by id desc limit ?",
        AlertStore::alert,
        before,
        limit);
  }

  private static Alert alert(Row row) {
    return new Alert(
        row.bigint("id"),
        row.instant("at"),
        row.text("kind"),
        row.text("object"),
        row.text("cause"),
        row.text("cohort"),
        Severity.valueOf(row.text("severity")),
        row.text("detail"),
        row.optionalInstant("resolved_at"));
  }

  /** A route as it is stored. */
  record Sealed(Route route, Optional<byte[]> secret) {}

  static List<Sealed> routes(Transaction transaction) {
    return transaction.list(
        "select * from alert_route order by name limit " + LIST_MAX, AlertStore::route);
  }

  static boolean insert(Transaction transaction, Route route, Optional<byte[]> secret) {
    return transaction.update(
            """
            insert into alert_route (name, kind, url, secret, from_severity, created_by, created_at)
            values (?, ?, ?, ?, ?, ?, ?) on conflict (name) do nothing
            """,
            route.name(),
            route.kind().name(),
            route.url(),
            secret.orElse(null),
            route.from().name(),
            route.createdBy(),
            route.createdAt())
        == 1;
  }

  static boolean deleteRoute(Transaction transaction, String name) {
    return transaction.update("delete from alert_route where name = ?", name) == 1;
  }

  private static Sealed route(Row row) {
    return new Sealed(
        new Route(
            row.text("name"),
            Route.Kind.valueOf(row.text("kind")),
            row.text("url"),
            Optional.empty(),
            Severity.valueOf(row.text("from_severity")),
            row.text("created_by"),
            row.instant("created_at")),
        row.optionalBytes("secret"));
  }

  static List<Silence> silences(Transaction transaction, Instant now) {
    return transaction.list(
        "select * from alert_silence where until > ? order by id limit " + LIST_MAX,
        row ->
            new Silence(
                row.bigint("id"),
                row.text("kind"),
                row.text("cohort"),
                row.text("object"),
                row.instant("until")),
        now);
  }

  static void insert(Transaction transaction, long alert, Routing.Delivery delivery, Instant now) {
    transaction.update(
        """
        insert into alert_delivery (alert, route, state, attempts, next_at, answer, created_at)
        values (?, ?, ?, 0, ?, '', ?)
        """,
        alert,
        delivery.route(),
        delivery.state().name(),
        delivery.dueAt(),
        now);
  }

  /** A delivery that somebody works on. */
  record Claimed(long id, String route, int attempts, Alert alert) {}

  /**
   * Takes what is due, of a route that groups all that waits; whoever dies on it leaves it to be
   * tried again after the lease.
   *
   * @param but of no route among these
   */
  static List<Claimed> claim(
      Transaction transaction, Instant now, Duration lease, List<String> but, int limit) {
    return transaction.list(
        """
        with due as (
          select d.id from alert_delivery d
          where d.state in ('WAITING', 'REPEATING') and d.route <> all(?) and (d.next_at <= ?
            or (d.attempts = 0 and exists (select 1 from alert_delivery o join alert_route r
              on r.name = o.route and r.kind = 'MAIL'
              where o.route = d.route and o.state = 'WAITING' and o.next_at <= ?)))
          order by d.id limit ? for update skip locked),
        claimed as (
          update alert_delivery d set attempts = attempts + 1, next_at = ? from due
          where d.id = due.id returning d.id as delivery, d.route, d.attempts, d.alert)
        select claimed.delivery, claimed.route, claimed.attempts, a.* from claimed
        join alert a on a.id = claimed.alert order by claimed.delivery
        """,
        row ->
            new Claimed(
                row.bigint("delivery"), row.text("route"), row.integer("attempts"), alert(row)),
        but,
        now,
        now,
        limit,
        now.plus(lease));
  }

  /** An alert that was held back on a route. */
  record HeldBack(long delivery, Alert alert) {}

  /** Alerts that still last and that were held back until a moment before, the oldest first. */
  static List<HeldBack> heldBack(Transaction transaction, Instant now) {
    // Of one object only what was kept last: it may have been told of as worse meanwhile. What was
    // told and never ended has not come back; under a silence, or where it does harm, it may have
    // become something else.
    return transaction.list(
        """
        select d.id as delivery, a.* from alert_delivery d join alert a on a.id = d.alert
        where d.state in ('GROUPED', 'SILENCED') and d.next_at <= ? and a.resolved_at is null
          and not exists (select from alert later join alert_delivery e on e.alert = later.id
            where later.object = a.object and later.resolved_at is null and later.id > a.id
              and e.route = d.route and (e.state <> 'SILENCED' or e.next_at <= ?))
          and not exists (select from alert earlier join alert_delivery e on e.alert = earlier.id
            where earlier.object = a.object and earlier.kind = a.kind
              and earlier.resolved_at is null and earlier.id < a.id
              and (earlier.detail = a.detail
                or (d.state = 'GROUPED' and a.kind <> 'incident.harmful'))
              and e.route = d.route and e.state in ('WAITING', 'REPEATING', 'DELIVERED'))
        order by d.next_at limit ?
        """,
        row -> new HeldBack(row.bigint("delivery"), alert(row)),
        now,
        now,
        LIST_MAX);
  }

  /** Has what was held back told now. */
  static void wake(Transaction transaction, List<Long> deliveries, Instant now) {
    transaction.update(
        """
        update alert_delivery set state = 'WAITING', next_at = ?, woken_at = ?
        where id = any(?::bigint[]) and state in ('GROUPED', 'SILENCED')
        """,
        now,
        now,
        deliveries);
  }

  /** Puts off what was held back to the end of a silence. */
  static void silence(Transaction transaction, long delivery, Instant until) {
    transaction.update(
        """
        update alert_delivery set state = 'SILENCED', next_at = ?
        where id = ? and state in ('GROUPED', 'SILENCED')
        """,
        until,
        delivery);
  }

  /** Has looked again at what is silenced: a silence was ended before its time. */
  static void lookAtSilenced(Transaction transaction, Instant now) {
    transaction.update(
        "update alert_delivery set next_at = ? where state = 'SILENCED' and next_at > ?", now, now);
  }

  /** Leaves what was taken and not tried to the next who looks. */
  static void giveBack(Transaction transaction, List<Claimed> claimed, Instant now) {
    transaction.update(
        "update alert_delivery set attempts = attempts - 1, next_at = ? where id = any(?)",
        now,
        claimed.stream().map(Claimed::id).toList());
  }

  static void answered(
      Transaction transaction, long delivery, Routing.After after, String answer, Instant now) {
    boolean done =
        after.state() == Routing.State.DELIVERED || after.state() == Routing.State.REPEATING;
    transaction.update(
        """
        update alert_delivery set state = ?, next_at = ?, answer = ?,
          attempts = case when ? then 0 else attempts end,
          delivered_at = case when ? then ? else delivered_at end
        where id = ?
        """,
        after.state().name(),
        after.dueAt(),
        answer,
        after.state() == Routing.State.REPEATING,
        done,
        now,
        delivery);
  }

  static List<io.skerry.api.AlertDelivery> deliveries(
      Transaction transaction, long before, int limit) {
    return transaction.list(
        """
        select d.*, a.kind, a.object from alert_delivery d join alert a on a.id = d.alert
        where d.id < ? order by d.id desc limit ?
        """,
        row ->
            new io.skerry.api.AlertDelivery(
                "delivery-" + row.bigint("id"),
                "alert-" + row.bigint("alert"),
                row.text("kind"),
                row.text("object"),
                row.text("route"),
                row.text("state"),
                row.integer("attempts"),
                row.text("answer"),
                row.instant("created_at"),
                row.optionalInstant("delivered_at").orElse(null)),
        before,
        limit);
  }

  static boolean again(Transaction transaction, long delivery, Instant now) {
    return transaction.update(
            "update alert_delivery set state = 'WAITING', attempts = 0, next_at = ? where id = ?",
            now,
            delivery)
        == 1;
  }
}
