package io.skerry.control.device;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import java.util.List;

/**
 * Reports of these devices were stored; told inside the transaction, so that what follows from them
 * is committed with them or not at all.
 */
public record ReportsStoring(Transaction transaction, List<DeviceId> devices) {
  public ReportsStoring {
    devices = List.copyOf(devices);
  }
}
