package io.skerry.control.device;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.device.InstanceEvent;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import jakarta.inject.Singleton;
import java.util.Collection;
import java.util.List;

/** Which devices are connected, as their own birth and death messages say. */
@Singleton
public final class Presence {
  private final Database database;
  private final DeviceInstances instances;
  private final ApplicationEventPublisher<PresenceStoring> storing;

  Presence(
      Database database,
      DeviceInstances instances,
      ApplicationEventPublisher<PresenceStoring> storing) {
    this.database = database;
    this.instances = instances;
    this.storing = storing;
  }

  /**
   * Takes a birth or death; a death counts only if it is of the current boot epoch, and nothing
   * counts of a removed device that had the same name.
   */
  public void store(Transaction transaction, DeviceId device, DeviceStatus status) {
    if (status.online()) {
      if (!BootEpochs.isOfThisDevice(transaction, device, status.bootEpoch())) {
        return;
      }
      instances.heard(
          transaction,
          device,
          new InstanceEvent.Born(status.instance(), status.bootEpoch(), status.at()));
      transaction.update(
          """
          update device_presence set online = true, boot_epoch = ?, seen_at = now()
          where device = ? and boot_epoch <= ?
          """,
          status.bootEpoch(),
          device.value(),
          status.bootEpoch());
    } else {
      transaction.update(
          "update device_presence set online = false where device = ? and boot_epoch = ?",
          device.value(),
          status.bootEpoch());
    }
    storing.publishEvent(new PresenceStoring(transaction, List.of(device)));
  }

  /** Notes that messages came from these devices. */
  public void seen(Transaction transaction, Collection<DeviceId> devices) {
    List<String> ids = devices.stream().map(DeviceId::value).sorted().toList();
    transaction.update(
        """
        update device_presence set seen_at = now()
        where device = any(?) and (seen_at is null or seen_at < now() - interval '1 second')
        """,
        ids);
  }

  /**
   * Counts every device as offline until it says otherwise: a broker that was started knows none.
   */
  public void forgetAll() {
    database.run(
        transaction -> {
          transaction.update("update device_presence set online = false where online");
          storing.publishEvent(new PresenceStoring(transaction, List.of()));
        });
  }
}
