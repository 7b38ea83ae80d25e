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

/** Checks the audit log after the start and every six hours, and tells what it finds. */
@Singleton
final class AuditSweep {
  private static final Logger log = LoggerFactory.getLogger(AuditSweep.class);
  private static final Duration EVERY = Duration.ofHours(6);

  private final AuditLog audit;
  private final Events events;
  private @Nullable Loop loop;

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

  void check() {
    AuditLog.Checked checked = audit.check();
    if (checked.firstBroken().isPresent()) {
      long id = checked.firstBroken().getAsLong();
      log.atError()
          .addKeyValue("row", id)
          .log("audit log was changed: a row does not fit the one before it");
      events.publish(new AuditBroken(id));
    } else {
      events.publish(new AuditSound());
    }
  }
}
