package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Events;
import io.skerry.control.host.ServerReady;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.RecordBatch;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leaves on its device what cannot be sealed now: it is not stored and not committed, so the
 * device's spool keeps it and offers it again. Others of the device and of other tenants go on.
 * Thread-safe.
 */
@Singleton
final class HeldBack {
  private static final Logger log = LoggerFactory.getLogger(HeldBack.class);
  private static final TenantId TENANT = new TenantId("default");

  private final TenantKeys keys;
  private final Events events;
  // Whether a tenant's key could be read when it was last needed; no more entries than tenants.
  private final Map<TenantId, Boolean> readable = new HashMap<>();

  HeldBack(TenantKeys keys, Events events) {
    this.keys = keys;
    this.events = events;
  }

  // Told at the start already, not with the first sample after a takeover; and the first server has
  // its key before anybody copies its folder for a second one.
  @EventListener
  void start(ServerReady ready) {
    tell(TENANT, keys.fault(TENANT).orElse(""));
  }

  /** Whether a batch must stay on its device; tells of a key's loss and return once. */
  boolean holds(TenantId tenant, RecordStream stream, RecordBatch batch) {
    if (!needsKey(stream, batch)) {
      return false;
    }
    String fault = keys.fault(tenant).orElse("");
    tell(tenant, fault);
    return !fault.isEmpty();
  }

  private static boolean needsKey(RecordStream stream, RecordBatch batch) {
    return switch (stream) {
      case SAMPLES -> batch.getRecordsCount() > 0;
      case FEEDBACK ->
          batch.getRecordsList().stream()
              .anyMatch(record -> !record.getFeedback().getClientId().isEmpty());
      case WINDOWS, EVENTS -> false;
    };
  }

  private synchronized void tell(TenantId tenant, String fault) {
    Boolean before = readable.put(tenant, fault.isEmpty());
    if (before != null && before == fault.isEmpty()) {
      return;
    }
    if (fault.isEmpty()) {
      events.publish(new TenantKeyReadable(tenant));
    } else {
      log.atError()
          .addKeyValue("tenant", tenant)
          .addKeyValue("fault", fault)
          .log("samples and outcomes are left on devices");
      events.publish(new TenantKeyUnreadable(tenant, fault));
    }
  }
}
