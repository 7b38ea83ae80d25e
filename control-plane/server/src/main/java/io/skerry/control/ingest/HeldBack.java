package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Events;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.RecordBatch;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
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

  // Whoever looks at the last lines of the log while a key is unreadable shall find it there.
  private static final Duration REMIND_EVERY = Duration.ofMinutes(5);

  private final TenantKeys keys;
  private final Events events;
  // Whether a tenant's key could be read when it was last needed; no more entries than tenants.
  private final Map<TenantId, Boolean> readable = new HashMap<>();
  private @Nullable Loop reminder;

  HeldBack(TenantKeys keys, Events events) {
    this.keys = keys;
    this.events = events;
  }

  // Told at the start already, not with the first sample after a takeover; and the first server has
  // its key before anybody copies its folder for a second one.
  @EventListener
  void start(ServerReady ready) {
    tell(TENANT, keys.fault(TENANT).orElse(""));
    reminder =
        Loop.start(
            "key-reminder",
            () -> {
              Thread.sleep(REMIND_EVERY);
              remind();
            });
  }

  @PreDestroy
  void end() {
    if (reminder != null) {
      reminder.close();
    }
  }

  /**
   * Looks again for every key that could not be read, whether anything needs it now or not.
   *
   * @return tenants whose key still cannot be read; they were told again
   */
  List<TenantId> remind() {
    List<TenantId> still = new ArrayList<>();
    for (TenantId tenant : unreadable()) {
      String fault = keys.fault(tenant).orElse("");
      tell(tenant, fault);
      if (!fault.isEmpty()) {
        log(tenant, fault);
        still.add(tenant);
      }
    }
    return still;
  }

  private synchronized List<TenantId> unreadable() {
    return readable.entrySet().stream()
        .filter(entry -> !entry.getValue())
        .map(Map.Entry::getKey)
        .toList();
  }

  private static void log(TenantId tenant, String fault) {
    log.atError()
        .addKeyValue("tenant", tenant)
        .addKeyValue("fault", fault)
        .log("samples and outcomes are left on devices");
  }

  /** Whether a batch must stay on its device; tells of a key's loss and return. */
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
      log(tenant, fault);
      events.publish(new TenantKeyUnreadable(tenant, fault));
    }
  }
}
