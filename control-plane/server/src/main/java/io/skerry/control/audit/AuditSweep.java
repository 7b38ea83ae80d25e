package io.skerry.control.audit;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Events;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks the audit log after the start and every six hours, and tells what it finds.
 *
 * <p>A log whose newest rows were deleted fits in itself: the head of the last sound check must be
 * in it too. It is kept in memory only, away from who owns the database, so that a start forgets
 * it.
 */
@Singleton
final class AuditSweep {
  private static final Logger log = LoggerFactory.getLogger(AuditSweep.class);
  private static final Duration EVERY = Duration.ofHours(6);

  private final AuditLog audit;
  private final Events events;
  private @Nullable Loop loop;
  private AuditLog.@Nullable Checked lastSound;
  // Until it was checked: it may be mended since another run found it changed.
  private boolean broken = true;

  AuditSweep(AuditLog audit, Events events) {
    this.audit = audit;
    this.events = events;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("audit-sweep", EVERY, this::check);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  synchronized void check() {
    AuditLog.Checked checked = audit.check();
    AuditLog.Checked before = lastSound;
    if (checked.firstBroken().isPresent()) {
      tell(new AuditBroken(checked.firstBroken().getAsLong(), false));
    } else if (before != null && !audit.holds(before)) {
      // Kept until it is there again: what is appended since must not make good for it.
      tell(new AuditBroken(before.rows(), true));
    } else {
      lastSound = checked;
      if (broken) {
        // Only then: who knows less must not call off what another server has found.
        events.publish(new AuditSound());
      }
      broken = false;
    }
  }

  private void tell(AuditBroken found) {
    broken = true;
    log.atError()
        .addKeyValue("row", found.id())
        .log(
            found.gone()
                ? "audit log was changed: the newest row of the last check is gone"
                : "audit log was changed: a row does not fit the one before it");
    events.publish(found);
  }
}
