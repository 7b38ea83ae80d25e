package io.skerry.api;

import java.time.Instant;

/**
 * One act.
 *
 * @param before state before as JSON, empty when there was none
 * @param after state after as JSON, empty when there is none
 * @param hash over this row and the one before it
 */
public record AuditEntry(
    long id,
    Instant at,
    String actor,
    String act,
    String object,
    String reason,
    String before,
    String after,
    String requestId,
    String hash) {}
