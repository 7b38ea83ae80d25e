package io.skerry.control.device;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import java.util.List;

/**
 * The presence of these devices was stored; told inside the transaction.
 *
 * @param devices whose row in {@code device_presence} may have changed; empty means every device's
 */
public record PresenceStoring(Transaction transaction, List<DeviceId> devices) {
  public PresenceStoring {
    devices = List.copyOf(devices);
  }
}
