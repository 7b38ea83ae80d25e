package io.skerry.control.device;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;

/** The boot epochs that a name has had. */
final class BootEpochs {
  private BootEpochs() {}

  /** The highest one of an enrolled device. */
  static long highest(Transaction transaction, DeviceId device) {
    return transaction.number(
        """
        select greatest(device.boot_epoch_floor, presence.boot_epoch,
          coalesce((select boot_epoch from device_report r where r.device = device.id), 0),
          coalesce((select max(boot_epoch) from ingest_ledger l where l.device = device.id), 0))
        from device join device_presence presence on presence.device = device.id
        where device.id = ?
        """,
        device.value());
  }

  /** That of the removed device of this name; 0 when there was none. */
  static long ofRemoved(Transaction transaction, DeviceId device) {
    return transaction.number(
        "select coalesce(max(boot_epoch), 0) from device_removed where id = ?", device.value());
  }

  /** Keeps what the next device of this name must stay above. */
  static void keep(Transaction transaction, DeviceId device) {
    transaction.update(
        """
        insert into device_removed (id, tenant, boot_epoch, term, counter, removed_at)
        select device.id, device.tenant,
          greatest(device.boot_epoch_floor, presence.boot_epoch,
            coalesce((select boot_epoch from device_report r where r.device = device.id), 0),
            coalesce((select max(boot_epoch) from ingest_ledger l where l.device = device.id), 0)),
          coalesce(desired.term, 0), coalesce(desired.counter, 0), now()
        from device
        join device_presence presence on presence.device = device.id
        left join desired on desired.device = device.id
        where device.id = ?
        on conflict (id) do update set
          tenant = excluded.tenant,
          boot_epoch = greatest(device_removed.boot_epoch, excluded.boot_epoch),
          term = excluded.term, counter = excluded.counter, removed_at = excluded.removed_at
        """,
        device.value());
  }

  /** Whether an epoch is of the device that has the name now, not of a removed one. */
  static boolean isOfThisDevice(Transaction transaction, DeviceId device, long bootEpoch) {
    return transaction
        .first(
            "select 1 from device where id = ? and boot_epoch_floor < ?",
            row -> true,
            device.value(),
            bootEpoch)
        .isPresent();
  }
}
