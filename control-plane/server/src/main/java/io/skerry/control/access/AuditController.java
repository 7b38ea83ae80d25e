package io.skerry.control.access;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.AuditCheck;
import io.skerry.api.AuditEntry;
import io.skerry.api.Page;
import io.skerry.control.audit.AuditLog;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The audit log, for auditors; it stands here because {@code audit} knows no roles. */
@Controller("/v1/audit")
@Allowed(Role.AUDITOR)
final class AuditController {
  private static final int PAGE_SIZE_MAX = 500;

  private final AuditLog log;

  AuditController(AuditLog log) {
    this.log = log;
  }

  @Get
  Page<AuditEntry> newest(
      @QueryValue(defaultValue = "100") int pageSize, @QueryValue @Nullable Long pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    List<AuditEntry> entries =
        log.newest(pageToken == null ? Long.MAX_VALUE : pageToken, limit).stream()
            .map(
                line ->
                    line.entry()
                        .map(AuditController::view)
                        .orElseGet(() -> AuditEntry.unreadable(line.id())))
            .toList();
    boolean more = entries.size() == limit;
    return new Page<>(entries, more ? Long.toString(entries.getLast().id()) : null);
  }

  /** Checks every row: this reads the whole log. */
  @Get("/check")
  AuditCheck check() {
    AuditLog.Checked checked = log.check();
    return new AuditCheck(
        checked.rows(),
        checked.head(),
        checked.firstBroken().isPresent() ? checked.firstBroken().getAsLong() : null);
  }

  private static AuditEntry view(AuditLog.Entry entry) {
    return new AuditEntry(
        entry.id(),
        entry.at(),
        entry.actor().name(),
        entry.act().act(),
        entry.act().object(),
        entry.act().reason(),
        entry.act().before(),
        entry.act().after(),
        entry.actor().requestId(),
        entry.hash());
  }
}
