package io.skerry.control.device;

import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.UnitName;
import jakarta.inject.Singleton;
import java.util.Collection;

/** Orders devices to run something. */
@Singleton
public final class DesiredService {
  private final OutboxSignal signal;

  DesiredService(OutboxSignal signal) {
    this.signal = signal;
  }

  /**
   * Orders one slot of many devices, in the caller's transaction and in one statement: every
   * device's generation and slot revision grow, and its document is queued to be published once the
   * transaction is committed; both are above what the device has reported, also after the database
   * was restored. Other slots keep their orders. Devices that do not exist are left out.
   *
   * @return the number of devices that were ordered
   */
  public int order(
      Transaction transaction, Collection<DeviceId> devices, SlotId slot, SlotOrder order) {
    if (devices.isEmpty()) {
      return 0;
    }
    int ordered =
        transaction.update(
            """
            with chosen as (
              select id from device where id = any(?) order by id for key share
            ), slots as (
              insert into desired_slot (device, slot, revision, model, version, manifest, signature,
                rollout, sampling_base, sampling_notable, window_millis, probation_predictions,
                probation_millis, mode, beside, share, unit)
              select chosen.id, named.slot, 1 + coalesce(report.revision, 0),
                ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
              from chosen cross join (select ?::text as slot) named
              left join device_slot_report report
                on report.device = chosen.id and report.slot = named.slot
              on conflict (device, slot) do update set
                revision = greatest(desired_slot.revision + 1, excluded.revision), model = excluded.model,
                version = excluded.version, manifest = excluded.manifest,
                signature = excluded.signature, rollout = excluded.rollout,
                sampling_base = excluded.sampling_base,
                sampling_notable = excluded.sampling_notable,
                window_millis = excluded.window_millis,
                probation_predictions = excluded.probation_predictions,
                probation_millis = excluded.probation_millis, mode = excluded.mode,
                beside = excluded.beside, share = excluded.share, unit = excluded.unit
            ), bumped as (
              insert into desired (device, term, counter, issued_at)
              select id, (select term from desired_term), 1, now() from chosen
              on conflict (device) do update set
                counter = case when desired.term < excluded.term then 1 else desired.counter + 1 end,
                term = greatest(desired.term, excluded.term), issued_at = excluded.issued_at
              returning device, term, counter
            )
            insert into desired_outbox (device, term, counter, queued_at)
            select device, term, counter, now() from bumped
            on conflict (device) do update set
              term = excluded.term, counter = excluded.counter, queued_at = excluded.queued_at
            """,
            devices.stream().map(DeviceId::value).toList(),
            order.version().model().value(),
            order.version().version(),
            order.manifest().toString(),
            order.signature().toString(),
            order.rollout().map(RolloutId::value).orElse(null),
            order.sampling().base(),
            order.sampling().notable(),
            order.window().toMillis(),
            order.probationPredictions(),
            order.probation().toMillis(),
            ModeColumns.name(order.mode()),
            order.mode().trial().map(trial -> trial.beside().value()).orElse(null),
            order.mode().trial().map(SlotMode.Trial::share).orElse(0.0),
            order.unit().map(UnitName::value).orElse(null),
            slot.value());
    transaction.afterCommit(signal::raise);
    return ordered;
  }

  /**
   * Brings sampling to what holds now: every device samples so many times more often than ordered
   * as the highest of the rules that hold for it says, and as ordered where none does.
   *
   * <p>Nothing else of an order changes, and no rollout is told: a device that runs what it was
   * ordered goes on, with other rates. One that is busy with an order, or did not take it, is left
   * alone until it has settled, for a newer order would begin it again; so is one of whose rollout
   * another slot is.
   *
   * @param limit devices' slots that are brought at once
   * @return those that were; more may wait unless there were none
   */
  public int sample(Transaction transaction, Collection<SamplingRule> rules, int limit) {
    if (rules.isEmpty() && !isRaised(transaction)) {
      return 0;
    }
    Columns given = new Columns(5);
    for (SamplingRule rule : rules) {
      given.add(
          rule.slot().value(),
          rule.model().value(),
          rule.labels(),
          rule.profile().orElse(null),
          Double.toString(rule.factor()));
    }
    Columns rows = new Columns(4);
    transaction.forEach(
        """
        select o.device, o.slot, o.revision, wanted.factor
        from desired_slot o
        join device d on d.id = o.device
        join device_slot_report r on r.device = o.device and r.slot = o.slot
          and r.phase = 'COMMITTED' and r.running_manifest = o.manifest
        cross join lateral (
          select coalesce(max(rule.factor::float8), 1) as factor
          from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
            as rule (slot, model, labels, profile, factor)
          where rule.slot = o.slot and rule.model = o.model and d.labels @> rule.labels::jsonb
            and (rule.profile is null or rule.profile = d.profile)) wanted
        where (o.sampling_factor <> 1 or o.slot = any(?)) and o.mode <> 'OFF'
          and o.sampling_factor <> wanted.factor
          and not exists (
            select 1 from desired_slot part
            left join device_slot_report told on told.device = part.device
              and told.slot = part.slot
              and (told.phase = 'COMMITTED' and told.running_manifest = part.manifest
                or told.phase in ('ROLLED_BACK', 'REJECTED', 'FAILED')
                  and told.revision = part.revision)
            where part.device = o.device and part.slot <> o.slot and part.rollout = o.rollout
              and part.mode <> 'OFF' and told.device is null)
        order by o.device, o.slot limit ?
        """,
        row ->
            rows.add(
                row.text("device"),
                row.text("slot"),
                row.bigint("revision"),
                Double.toString(row.number("factor"))),
        given.and(rules.stream().map(rule -> rule.slot().value()).distinct().toList(), limit));
    if (rows.isEmpty()) {
      return 0;
    }
    // First what an order locks first. What was ordered anew since it was read has another
    // revision.
    transaction.list(
        """
        select device from desired
        where device in (
          select told.device from unnest(?::text[], ?::text[], ?::bigint[], ?::text[])
            as told (device, slot, revision, factor))
        order by device for update
        """,
        row -> row.text("device"),
        rows.and());
    int sampled =
        transaction.update(
            """
            with slots as (
              update desired_slot o set sampling_factor = told.factor::float8,
                revision = o.revision + 1
              from unnest(?::text[], ?::text[], ?::bigint[], ?::text[])
                as told (device, slot, revision, factor)
              where o.device = told.device and o.slot = told.slot and o.revision = told.revision
              returning o.device
            ), bumped as (
              update desired set
                counter = case when desired.term < newest.term then 1 else desired.counter + 1 end,
                term = greatest(desired.term, newest.term), issued_at = now()
              from desired_term newest
              where desired.device in (select device from slots)
              returning desired.device, desired.term, desired.counter
            )
            insert into desired_outbox (device, term, counter, queued_at)
            select device, term, counter, now() from bumped order by device
            on conflict (device) do update set
              term = excluded.term, counter = excluded.counter, queued_at = excluded.queued_at
            """,
            rows.and());
    transaction.afterCommit(signal::raise);
    return sampled;
  }

  private static boolean isRaised(Transaction transaction) {
    return transaction
        .first("select 1 from desired_slot where sampling_factor <> 1 limit 1", row -> true)
        .isPresent();
  }
}
