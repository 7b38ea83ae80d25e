package io.skerry.control.device;

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
}
