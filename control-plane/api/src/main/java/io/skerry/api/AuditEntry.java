package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One act.
 *
 * @param at absent of a row that cannot be read
 * @param before state before as JSON, empty when there was none
 * @param after state after as JSON, empty when there is none
 * @param hash over this row and the one before it
 */
public record AuditEntry(
    long id,
    @Nullable Instant at,
    String actor,
    String act,
    String object,
    String reason,
    String before,
    String after,
    String requestId,
    String hash) {
  /** In the place of a row that somebody spoiled who owns the database. */
  public static AuditEntry unreadable(long id) {
    return new AuditEntry(
        id,
        null,
        "",
        "audit.unreadable",
        "audit/" + id,
        "this row cannot be read: somebody changed the database; see GET /v1/audit/check",
        "",
        "",
        "",
        "");
  }
}
